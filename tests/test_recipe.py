"""What a recipe may say, and how it is told what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.codemods.registry import kit_rules
from migrate.errors import MigrateError, UsageError
from migrate.manifest import Upstream
from migrate.porting import Port, make_port
from migrate.recipe import Recipe, read_recipe
from migrate.upstream.tree import SourceFile, SourceTree
from migrate.workspace import DEFAULT_CANN

PATCHES = Path(__file__).parents[1] / "patches"
WITH_OPTIONS = next(rule for rule in kit_rules() if rule.code == "NPU403")
WITHOUT_OPTIONS = next(rule for rule in kit_rules() if not rule.options)
OPTION = sorted(WITH_OPTIONS.options)[0]
RULE = '''"""Does nothing.

Why: to be read.
"""
from migrate.codemods.rule import Option, Rule

SIZE = Option("a size", lambda value: value == 3)
RULE = Rule("NPU190", "own", group="session", options={"size": SIZE})


@RULE.on_module
def check(context):
    yield from ()
'''


def recipe(folder: Path, text: str | bytes) -> Recipe:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "recipe.toml").write_bytes(data)
    return read_recipe(folder)


def test_without_a_recipe_there_are_the_kits_rules(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        where = str(folder / "recipe.toml")
        assert read_recipe(folder) == Recipe(rules=kit_rules(), where=where)


def test_an_empty_recipe_says_nothing_but_that_it_is_there(tmp_path: Path) -> None:
    empty = recipe(tmp_path, "")
    assert (empty.entries, empty.leave_out, empty.options) == ((), (), {})
    assert empty.digest is not None


def test_everything_that_a_recipe_may_say(tmp_path: Path) -> None:
    read = recipe(
        tmp_path,
        f"""
        # why
        entries = ["main.py", "tools/é.py"]
        leave_out = ["assets/**"]

        [rules.{WITH_OPTIONS.code}]
        {OPTION} = 4
        [rules.{WITHOUT_OPTIONS.code}]
        """,
    )
    assert read.entries == ("main.py", "tools/é.py")
    assert read.leave_out == ("assets/**",)
    assert read.options == {WITH_OPTIONS.code: {OPTION: 4}, WITHOUT_OPTIONS.code: {}}
    assert read.rules == kit_rules()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("entries = ", r"recipe.toml:1: not TOML: "),
        ("\n\nx = [1,\n", r"recipe.toml:\d+: not TOML: "),
        ("entries = []\nentries = []\n", r"recipe.toml(:\d)?: not TOML: "),
        ("[rules.NPU101]\n[rules.NPU101]\n", r"recipe.toml(:\d)?: not TOML: "),
        (b"# \xff\n", r"recipe.toml: not TOML: "),
        (b"\0", r"recipe.toml(:1)?: not TOML: "),
        (
            "entry = []",
            r"recipe.toml: entry: expected one of entries, .*leave_out, .*settings, smoke",
        ),
        ("z = 1\na = 1", r"recipe.toml: a: expected one of"),
        ("entries = 'main.py'", r"entries: expected a list of texts"),
        ("entries = [1]", r"entries: expected a list of texts"),
        ("leave_out = {a = 1}", r"leave_out: expected a list of texts"),
        ("smoke = 1", r"smoke: expected tables"),
        ("settings = 1", r"settings: expected a table, such as \[settings\]"),
        (
            "[settings]\nprecision = 'none'",
            r"settings\.precision: expected mix_compile_mode or pre",
        ),
        ("[settings]\nmix_compile_mode = 1", r"settings\.mix_.*: expected true or false; found 1"),
        ("[settings]\nprecision_mode = 1", r"settings\.precision_mode: expected a text; found 1"),
        ("rules = 1", r"rules: expected tables, such as \[rules\.NPU101\]"),
        ("rules = []", r"rules: expected tables"),
        ("[rules.NPU999]", r"rules\.NPU999: expected a rule's code; `migrate explain` lists them"),
        ("[rules.npu101]", r"rules\.npu101: expected a rule's code"),
        (f"[rules]\n{WITH_OPTIONS.code} = 1", r": expected a table of options"),
        (f"[rules.{WITH_OPTIONS.code}]\nxyz = 1", rf"\.xyz: expected one of .*{OPTION}"),
        (f"[rules.{WITHOUT_OPTIONS.code}]\nxyz = 1", r"\.xyz: expected .*none"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        recipe(tmp_path, text)


def test_a_precision_mode_is_one_of_the_release(tmp_path: Path) -> None:
    assert recipe(tmp_path, "").precision_mode("7.0") == "none"
    mixed = recipe(tmp_path, "[settings]\nprecision_mode = 'allow_mix_precision'")
    assert mixed.precision_mode("20.2") == "allow_mix_precision"
    later = recipe(tmp_path, "[settings]\nprecision_mode = 'mixed_float16'")
    assert later.precision_mode("7.0") == "mixed_float16"
    with pytest.raises(
        UsageError, match=r"settings\.precision_mode: CANN 20\.2 has no .*'mixed"
    ) as e:
        later.precision_mode("20.2")
    assert e.value.advice.startswith("Use one of none, allow_fp32_to_fp16, ")


def test_rules_beside_a_recipe_are_rules(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.py").write_text(RULE)
    read = recipe(tmp_path, "[rules.NPU190]\nsize = 3\n")
    assert [rule.code for rule in read.rules if rule not in kit_rules()] == ["NPU190"]
    assert read.options == {"NPU190": {"size": 3}}
    with pytest.raises(UsageError, match=r"rules\.NPU190\.weight: expected one of size"):
        recipe(tmp_path, "[rules.NPU190]\nweight = 3\n")
    with pytest.raises(UsageError, match=r"rules\.NPU190\.size: expected a size; found 4"):
        recipe(tmp_path, "[rules.NPU190]\nsize = 4\n")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("NPU101", "roles = {'train.py:f' = 'host', 'b.py:C.m' = 'device'}"),
        ("NPU301", "drop_remainder = 'endless'"),
        ("NPU303", "batch = {'train.py:x' = 'size * 2'}"),
        ("NPU403", "buffer = 1"),
        ("NPU807", "pins = {a = '1.18.5', b = '>=4.30, <5', c = '', d = '~= 1.2', e = '1.*'}"),
    ],
)
def test_values_that_rules_take(code: str, text: str, tmp_path: Path) -> None:
    assert recipe(tmp_path, f"[rules.{code}]\n{text}\n").options[code]


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("NPU101", "roles = 'host'", "roles: expected a table from path:function"),
        ("NPU101", "roles = {a = 1}", "roles: expected a table from path:function"),
        ("NPU301", "drop_remainder = 'always'", "drop_remainder: expected training, endless or"),
        ("NPU301", "drop_remainder = true", "drop_remainder: expected training, endless or"),
        ("NPU301", "drop_remainder = []", "drop_remainder: expected training, endless or"),
        ("NPU303", "batch = 8", "batch: expected a table from path.py:name"),
        ("NPU303", "batch = {'a.py:x' = 8}", "batch: expected a table from path.py:name"),
        ("NPU403", "buffer = 0", "buffer: expected a number of batches, from 1 on; found 0"),
        ("NPU403", "buffer = -1", "buffer: expected a number of batches"),
        ("NPU403", "buffer = true", "buffer: expected a number of batches, .*; found True"),
        ("NPU403", "buffer = 'two'", "buffer: expected a number of batches, .*; found 'two'"),
        ("NPU403", "buffer = 1.5", "buffer: expected a number of batches"),
        ("NPU807", "pins = ['numpy']", "pins: expected a table from distribution to version"),
        ("NPU807", "pins = {numpy = 1.18}", "pins: expected a table from distribution"),
        ("NPU807", "pins = {numpy = 'latest'}", "pins: expected a table from distribution"),
        ("NPU807", "pins = {numpy = '=1.18'}", "pins: expected a table from distribution"),
    ],
)
def test_values_that_rules_do_not_take(code: str, text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"recipe\.toml: rules\.{code}\.{expected}"):
        recipe(tmp_path, f"[rules.{code}]\n{text}\n")


PROJECT = {
    "train.py": b"import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 3])\n",
    "figure/a.py": b"",
    "figure/b.md": b"",
}


def port(folder: Path, text: str, left_out: tuple[str, ...] = ()) -> Port:
    files = {path: SourceFile(path, data) for path, data in PROJECT.items()}
    return make_port(
        Upstream("own", "", None, None, "", "MIT"),
        SourceTree(files, (), left_out),
        recipe(folder, text),
        cann=DEFAULT_CANN,
        templates=PATCHES.parent / "templates",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("entries = ['train.py', 'main.py']", r"entries: the project has no file 'main\.py'"),
        ("entries = ['figure']", r"entries: the project has no file 'figure'"),
        ("leave_out = ['assets/**']", r"leave_out: 'assets/\*\*' leaves nothing out"),
        ("leave_out = ['*.gif', '*.png']", r"leave_out: '\*\.png' leaves nothing out"),
        (
            "[rules.NPU303]\nbatch = {'train.py:y' = '8'}",
            r"rules\.NPU303\.batch: no placeholder is 'train\.py:y'",
        ),
        (
            "[rules.NPU303]\nbatch = {'trian.py:x' = '8'}",
            r"rules\.NPU303\.batch: no placeholder is 'trian\.py:x'",
        ),
        (
            "[rules.NPU303]\nbatch = {x = '8'}",
            r"rules\.NPU303\.batch: no placeholder is 'x'",
        ),
    ],
)
def test_what_a_recipe_names_must_be_there(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"{tmp_path}/recipe\.toml: {message}"):
        port(tmp_path, text, left_out=("a.gif",))


@pytest.mark.parametrize(
    ("patterns", "left_out"),
    [
        (["docs/**"], ("docs/a.md",)),
        (["docs/"], ("docs/",)),
        (["docs"], ("docs/",)),
        ([".DS_Store"], ("a/.DS_Store",)),
        (["*.gif", "docs/**"], ("a.gif", "docs/b/", "docs/c")),
    ],
)
def test_what_a_recipe_names_is_there(
    patterns: list[str], left_out: tuple[str, ...], tmp_path: Path
) -> None:
    options = "[rules.NPU303]\nbatch = {'train.py:x' = '8'}\n"
    text = f"entries = ['train.py']\nleave_out = {patterns}\n{options}"
    assert port(tmp_path, text, left_out).after


def test_a_rule_that_does_not_load_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.py").write_text("def (:\n")
    with pytest.raises(MigrateError, match=r"bad\.py: the rule does not load"):
        read_recipe(tmp_path)


def test_the_digest_tells_recipes_apart(tmp_path: Path) -> None:
    digests = [read_recipe(tmp_path).digest]
    digests.append(recipe(tmp_path, "").digest)
    digests.append(recipe(tmp_path, "entries = ['a.py']\n").digest)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.py").write_text(RULE)
    digests.append(read_recipe(tmp_path).digest)
    (tmp_path / "rules" / "own.py").write_text(RULE + "# more\n")
    digests.append(read_recipe(tmp_path).digest)
    (tmp_path / "rules" / "own.py").rename(tmp_path / "rules" / "other.py")
    digests.append(read_recipe(tmp_path).digest)
    assert len(set(digests)) == len(digests)
    assert read_recipe(tmp_path).digest == digests[-1]


def test_what_no_port_depends_on_is_not_in_the_digest(tmp_path: Path) -> None:
    text = "entries = ['a.py']\n"
    digest = recipe(tmp_path, text).digest
    tried = recipe(tmp_path, text + "# why\n[[smoke.run]]\nname = 'train'\ncommand = 'true'\n")
    assert tried.digest == digest
    assert [run.name for run in tried.smoke.runs] == ["train"]


def test_what_is_wrong_with_smoke_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"recipe\.toml: smoke\.run\[0\]\.comand: expected one of"):
        recipe(tmp_path, "[[smoke.run]]\nname = 'train'\ncomand = 'true'\n")


@pytest.mark.parametrize("name", ["biggan", "realmix", "ssgan", "vgg19"])
def test_the_recipes_of_the_pinned_upstreams_are_read(name: str) -> None:
    assert read_recipe(PATCHES / name).entries

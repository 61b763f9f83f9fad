"""The whole way from a project's files to its port, on projects of our own."""

from __future__ import annotations

import ast
import getpass
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from migrate.analysis.project import Project
from migrate.analysis.sessions import MONITORED_SESSION, OPENERS
from migrate.codemods.registry import kit_rules
from migrate.codemods.rule import GROUPS
from migrate.errors import UsageError
from migrate.manifest import MANIFEST_NAME, Manifest, Upstream
from migrate.porting import Port, make_port
from migrate.recipe import Recipe
from migrate.upstream.tree import EXECUTABLE, SourceFile, SourceTree, read_folder
from migrate.workspace import DEFAULT_CANN
from tests.test_series import git, read, write
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[1]
PROJECTS = {
    path.name: path
    for path in [
        ROOT / "examples" / "tiny_gan",
        *sorted((ROOT / "tests" / "fixtures" / "projects").iterdir()),
    ]
    if path.is_dir()
}
REAL = [name for name in PROJECTS if name != "odd_forms"]
UPSTREAM = Upstream(
    "example",
    "https://github.com/owner/example.git",
    "1234567890" * 4,
    "0987654321" * 4,
    "",
    "MIT",
)
CONFIGURATIONS = ("npu_session_config", "host_session_config", "npu_run_config")


def ported(files: dict[str, SourceFile], upstream: Upstream = UPSTREAM) -> Port:
    return make_port(
        upstream,
        SourceTree(files),
        Recipe(rules=kit_rules()),
        cann=DEFAULT_CANN,
        templates=ROOT / "templates",
    )


def tree(files: dict[str, str | bytes]) -> dict[str, SourceFile]:
    return {
        path: SourceFile(path, data if isinstance(data, bytes) else data.encode())
        for path, data in files.items()
    }


@cache
def port_of(name: str) -> Port:
    return ported(read_folder(PROJECTS[name]))


@pytest.fixture(params=PROJECTS)
def port(request: pytest.FixtureRequest) -> Port:
    return port_of(request.param)


@pytest.mark.parametrize("name", REAL)
def test_a_project_is_ported_without_errors(name: str) -> None:
    port = port_of(name)
    assert [f for f in port.findings if f.severity == "error"] == []
    assert not port.failed
    assert port.sessions


def test_odd_forms_that_cannot_be_ported_are_errors() -> None:
    port = port_of("odd_forms")
    errors = [(f.path, f.code) for f in port.findings if f.severity == "error"]
    assert errors == ODD_ERRORS
    assert port.failed
    assert all(f.advice for f in port.findings if f.severity == "error")
    assert all(f.line for f in port.findings if f.code == "NPU101")


# What nobody can read although it names sessions, and what no rule may guess: arguments that are
# packed elsewhere, session classes with a constructor of their own, and classes as values.
ODD_ERRORS = [
    ("broken_syntax.py", "NPU902"),
    ("bytes/nul.py", "NPU902"),
    ("bytes/undeclared_latin1.py", "NPU902"),
    ("bytes/wrong_coding.py", "NPU902"),
    *[("kwargs.py", "NPU101")] * 5,
    ("multi_line.py", "NPU101"),
    *[("partials.py", "NPU101")] * 3,
    *[("subclass.py", "NPU101")] * 2,
]


def test_every_session_is_configured_or_a_finding(port: Port) -> None:
    project = Project(port.after)
    told = Counter(f.path for f in port.findings if f.severity in ("error", "warning"))
    bare = []
    for path in project.python_files:
        if path.startswith("npu_runtime/") or (module := project.parsed(path)) is None:
            continue
        for call, name in module.calls:
            if name == "functools.partial" and call.args:
                name = module.qualified(call.args[0])
            if name == MONITORED_SESSION and (call.args or call.keywords):
                continue  # its creator has the configuration
            if name not in OPENERS and name != MONITORED_SESSION:
                continue
            parts = [n for part in (call.args, call.keywords) for a in part for n in ast.walk(a)]
            made = [module.qualified(n.func) or "" for n in parts if isinstance(n, ast.Call)]
            if any(one.endswith(CONFIGURATIONS) for one in made):
                continue
            bare.append(f"{path}:{call.lineno}")
    assert [place for place in bare if not told[place.partition(":")[0]]] == []


def test_what_a_port_says_agrees_with_its_files(port: Port) -> None:
    changed = {p for p, f in port.before.items() if port.after.get(p) != f}
    assert port.before.keys() <= port.after.keys()
    records = {r.path: r for r in port.manifest.files}
    assert records.keys() == port.after.keys()
    assert {
        p for p, r in records.items() if r.before is not None and r.before != r.after
    } == changed
    for row in port.sessions:
        line = port.after[row.path].data.splitlines()[row.line - 1]
        assert line.strip()
    for finding in port.findings:
        assert finding.path in {*port.after, "."}
        count = len(port.after[finding.path].data.splitlines()) if finding.line else 0
        assert 0 <= finding.line <= count
    assert Manifest.from_json(port.manifest.to_json(), "x") == port.manifest


def test_every_written_module_is_python_3_7(port: Port) -> None:
    for path, file in port.after.items():
        if path.endswith(".py") and port.before.get(path) != file:
            ast.parse(file.data, feature_version=(3, 7))


def test_files_that_do_not_concern_any_rule_keep_their_bytes(port: Port) -> None:
    for path, file in port.before.items():
        if path == "README.md":  # without a script that trains it stays
            assert port.after.get("README_UPSTREAM.md", port.after[path]).data == file.data
        elif path.endswith((".md", ".ipynb", ".yml", ".sh", ".png")) or not file.data:
            assert port.after[path] == file


def test_the_series_has_one_patch_for_each_concern(port: Port) -> None:
    names = [name for name, _ in port.series.patches]
    groups = [name[5:].removesuffix(".patch") for name in names]
    order = [*GROUPS, "scripts", "readme", "provenance"]
    assert groups == sorted(groups, key=order.index)
    assert "session" in groups and groups[-1] == "provenance"


def test_porting_a_port_changes_nothing(port: Port) -> None:
    again = ported(dict(port.after))
    assert again.after == port.after
    assert again.series.patches == ()
    assert again.manifest.rules == {}
    assert [f.code for f in again.findings if f.code in ("NPU900", "NPU903", "NPU904")] == []


def test_a_port_of_a_port_keeps_the_first_ones_provenance() -> None:
    first = port_of("tiny_gan")
    later = Upstream("port", "https://example.com/port.git", "a" * 40, "b" * 40, "", "MIT")
    assert ported(dict(first.after), later).after["NOTICE"] == first.after["NOTICE"]
    files = {**first.after, **tree({"more.py": "import tensorflow as tf\nwith tf.Session(): 0\n"})}
    notice = ported(files, later).after["NOTICE"].data.decode()
    assert notice.startswith(first.after["NOTICE"].data.decode().rstrip())
    assert "- more.py" in notice.removeprefix(first.after["NOTICE"].data.decode().rstrip())
    assert "https://example.com/port.git" in notice


def test_a_manifest_among_the_files_is_left_out() -> None:
    first = port_of("tiny_gan")
    manifest = SourceFile(MANIFEST_NAME, first.manifest.to_json())
    again = ported({**first.after, MANIFEST_NAME: manifest})
    assert again.after == first.after
    assert not again.failed
    assert MANIFEST_NAME in {f.path for f in again.findings}


def test_the_patches_rebuild_the_port(port: Port, tmp_path: Path) -> None:
    project, patches = tmp_path / "project", tmp_path / "patches"
    for folder in (project, patches):
        folder.mkdir()
    git(project, "init", "-q")
    write(project, port.before)
    git(project, "add", "-A", "-f", ".")
    git(project, "commit", "-q", "-m", "Import")
    for name, data in port.series.patches:
        (patches / name).write_bytes(data)
    names = [str(patches / name) for name, _ in port.series.patches]
    git(project, "am", "-q", "--keep-cr", *names)
    assert read(project) == port.after


def test_nothing_of_this_machine_is_in_a_port(port: Port) -> None:
    told = b"\n".join(
        [port.manifest.to_json(), *(data for _, data in port.series.patches)]
        + [f.data for p, f in port.after.items() if p not in port.before]
    ).decode("utf-8", "replace")
    for secret in (str(ROOT), str(Path.home()), socket.gethostname(), sys.prefix):
        assert len(secret) < 5 or secret not in told, secret
    assert f"/{getpass.getuser()}/" not in told


DIGEST = """
import hashlib
from tests.test_porting import PROJECTS, port_of
digest = hashlib.sha256()
for name in PROJECTS:
    port = port_of(name)
    digest.update(port.manifest.to_json() + port.series.series_file)
    for name, data in port.series.patches:
        digest.update(name.encode() + data)
    digest.update(repr((port.findings, port.sessions, port.symbols)).encode())
print(digest.hexdigest())
"""


def test_ports_are_the_same_everywhere(tmp_path: Path) -> None:
    digests = set()
    for seed, folder in (("0", ROOT), ("1234", tmp_path)):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "LC_ALL": "C" if seed == "0" else "C.UTF-8",
            "TZ": "UTC" if seed == "0" else "Asia/Shanghai",
        }
        done = subprocess.run(
            [sys.executable, "-c", DIGEST], cwd=folder, env=environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        digests.add(done.stdout)
    assert len(digests) == 1


def test_an_unknown_cann_release_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown CANN release"):
        make_port(
            UPSTREAM,
            SourceTree({}),
            Recipe(rules=kit_rules()),
            cann="99",
            templates=ROOT / "templates",
        )


def test_a_project_without_tensorflow_gets_a_notice_only() -> None:
    files = tree({"a.py": "import torch\n", "LICENSE": "MIT\n", "b.bin": b"\0\xff"})
    port = ported(files)
    assert {p: f for p, f in port.after.items() if p != "NOTICE"} == files
    assert [name for name, _ in port.series.patches] == ["0001-provenance.patch"]
    assert not port.failed and not port.sessions


def test_an_empty_project_is_ported() -> None:
    assert set(ported({}).after) == {"NOTICE"}


def test_one_bad_file_stops_no_other() -> None:
    text = "import tensorflow as tf\nwith tf.Session() as sess:\n    sess.run(x)\n"
    good = tree({"good.py": text})
    bad = tree(
        {
            "broken.py": text + "def (:\n",
            "latin.py": text.encode() + b"# \xe9\n",
            "nul.py": text + "\0",
            "big.py": text + "X = [\n" + "  0.125,\n" * 150_000 + "]\n",
        }
    )
    port = ported({**bad, **good})
    assert b"session_config" in port.after["good.py"].data
    for path, file in bad.items():
        assert port.after[path] == file
    assert {f.path for f in port.findings if f.code == "NPU902"} == bad.keys()
    assert {p for p in port.after if p not in {**bad, **good}} >= {"NOTICE"}


def test_places_are_those_of_the_port() -> None:
    model = (
        "import tensorflow as tf\ndef build(x):\n    return tf.train.AdamOptimizer().minimize(x)\n"
    )
    train = (
        "import tensorflow as tf\n"
        "with tf.Session() as sess:\n"
        "    config = tf.ConfigProto(gpu_options=tf.GPUOptions(\n"
        "        allow_growth=True))\n"
        "    inner = tf.Session(config=config); inner.run(build(1))\n"
    )
    placed = model.replace("def", "import scipy.misc\nimage = scipy.misc.imread('a')\ndef")
    port = ported(
        tree(
            {"train.py": train.replace("\n", "\nfrom model import build\n", 1), "model.py": placed}
        )
    )
    lines = {path: file.data.decode().splitlines() for path, file in port.after.items()}
    for row in port.sessions:
        assert "Session(" in lines[row.path][row.line - 1]
        found = re.search(r"minimize at ([\w.]+):(\d+)", row.why)
        assert found is not None and ".minimize(" in lines[found[1]][int(found[2]) - 1], row
    assert len(port.sessions) == 2


def test_a_finding_of_a_line_that_went_names_upstreams() -> None:
    """The port's line can only be that of a neighbour."""
    train = (
        "import os\nimport scipy.misc\nimport tensorflow as tf\n"
        "image = scipy.misc.imread('a')\nos.environ['CUDA_VISIBLE_DEVICES'] = ','.join('12')\n"
        "with tf.Session() as sess:\n    sess.run(tf.train.AdamOptimizer().minimize(build()))\n"
    )
    port = ported(tree({"train.py": train}))
    [finding] = [f for f in port.findings if f.code == "NPU405"]
    assert finding.message.endswith(" (upstream's line 5)")
    assert b"CUDA" not in port.after["train.py"].data
    others = [f for f in port.findings if f is not finding]
    assert others and not any("upstream's line" in f.message for f in others)


@pytest.mark.tf115
def test_what_only_a_real_python_3_7_refuses_is_left_and_told() -> None:
    required_tf115()  # it brings a Python 3.7
    text = "import tensorflow as tf\nfor x in *a, b:\n    with tf.device('/gpu:0'): x()\n"
    port = ported(tree({"newer.py": text, "session.py": text + "with tf.Session(): pass\n"}))
    assert port.after["newer.py"].data.decode() == text
    told = [f for f in port.findings if f.code == "NPU902"]
    assert [(f.path, f.severity) for f in told] == [
        ("newer.py", "warning"),
        ("session.py", "error"),
    ]
    assert all("Python 3.7, which runs TensorFlow 1.15.0, cannot" in f.message for f in told)


def test_upstreams_own_runtime_gives_way_and_is_told() -> None:
    text = "import tensorflow as tf\nwith tf.Session() as sess:\n    sess.run(x)\n"
    port = ported(tree({"train.py": text, "npu_runtime/__init__.py": "VERSION = 1\n"}))
    [told] = [f for f in port.findings if f.code == "NPU915"]
    assert (told.path, told.severity) == ("npu_runtime/__init__.py", "warning")
    assert b"VERSION = 1" not in port.after["npu_runtime/__init__.py"].data
    unused = tree({"a.py": "x = 1\n", "npu_runtime/__init__.py": "VERSION = 1\n"})
    assert ported(unused).after["npu_runtime/__init__.py"].data == b"VERSION = 1\n"


def test_a_class_may_come_from_a_folder_that_is_no_package() -> None:
    derived = (
        "from models import Net\n\n\nclass Mine(Net):\n    def run(self):\n        self.go()\n"
    )
    port = ported(tree({"models/net.py": "class Net:\n    pass\n", "train.py": derived}))
    assert port.after["train.py"].data == derived.encode()


def test_the_mode_of_a_notice_stays() -> None:
    files = {"NOTICE": SourceFile("NOTICE", b"Of gan.\n", EXECUTABLE)}
    assert ported(files).after["NOTICE"].mode == EXECUTABLE


def test_the_recipes_settings_are_fixed_by_the_patches_for_them() -> None:
    source = tree(
        {
            "train.py": "import tensorflow as tf\n"
            "step = tf.train.AdamOptimizer().minimize(loss)\n"
            "tf.Session().run(step)\n"
        }
    )

    def made(cann: str, **settings: str | bool) -> Port:
        recipe = Recipe(rules=kit_rules(), settings=settings, where="patches/x/recipe.toml")
        return make_port(
            UPSTREAM, SourceTree(source), recipe, cann=cann, templates=ROOT / "templates"
        )

    port = made("7.0", precision_mode="mixed_float16")
    defaults = port.after["npu_runtime/defaults.py"].data.decode()
    assert 'PRECISION_MODE = "mixed_float16"' in defaults
    assert port.manifest.settings["precision_mode"] == "mixed_float16"
    (patch,) = [data.decode() for name, data in port.series.patches if "precision" in name]
    assert '-PRECISION_MODE = "none"\n+PRECISION_MODE = "mixed_float16"\n' in patch
    assert made("7.0").manifest.settings == {"mix_compile_mode": False, "precision_mode": "none"}
    mixed = made("7.0", mix_compile_mode=True)
    assert mixed.manifest.settings["mix_compile_mode"] is True
    assert b"MIX_COMPILE_MODE = True" in mixed.after["npu_runtime/defaults.py"].data
    (session,) = [data for name, data in mixed.series.patches if "session" in name]
    assert b"+MIX_COMPILE_MODE = True" in session
    with pytest.raises(UsageError, match=r"x/recipe\.toml: settings\.precision_mode: CANN 20\.2"):
        made("20.2", precision_mode="mixed_float16")

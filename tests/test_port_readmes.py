"""The READMEs of a port: what they say is true, whole, and read as Markdown."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from migrate import cli
from migrate.analysis.flags import flags_of
from migrate.analysis.project import Project
from migrate.codemods.registry import kit_rules
from migrate.environment import _index
from migrate.errors import UsageError
from migrate.manifest import MANIFEST_NAME
from migrate.porting import Port, make_port
from migrate.readmes.chinese import FILES, RULES, VARIABLES
from migrate.readmes.listing import tree as listed
from migrate.readmes.markdown import code, escaped
from migrate.readmes.table import Published, Readme, Run, read_readme
from migrate.recipe import Recipe, read_recipe
from migrate.report import port_json, port_lines
from migrate.runtime import runtime_paths
from migrate.upstream.tree import SourceFile, SourceTree, read_folder
from migrate.workspace import DEFAULT_CANN
from tests.test_porting import UPSTREAM, tree
from tests.test_run_scripts import two_devices
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[1]
BOTH = ("README.md", "README_EN.md")
MARKDOWN = MarkdownIt("commonmark").enable("table")
TRAIN = '''"""Trains a thing. At length."""
import argparse
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--batch_size", type=int, default=32, help="pictures | a *step*")
parser.add_argument("--mode", choices=["a|b", "`c`"], default="a|b")
if __name__ == "__main__":
    args = parser.parse_args()
    tf.train.AdamOptimizer(0.1).minimize(tf.Variable(1.0))
    tf.Session().run(tf.global_variables_initializer())
'''
# ModelZoo's order.
CHAPTERS = [
    *("基本信息", "概述", "默认配置", "支持特性", "混合精度训练", "开启混合精度", "训练环境准备"),
    *("快速上手", "数据集准备", "模型训练", "迁移学习指导", "高级参考", "脚本和示例代码"),
    *("脚本参数", "训练过程", "推理/验证过程", "精度与性能对比"),
]


def ported(
    files: dict[str, str | bytes] | dict[str, SourceFile],
    recipe: Recipe | None = None,
    templates: Path = ROOT / "templates",
    **readme: object,
) -> Port:
    recipe = recipe or Recipe(rules=kit_rules())
    if readme:
        recipe = recipe._replace(readme=recipe.readme._replace(**readme))  # type: ignore[arg-type]
    sources = {
        path: data if isinstance(data, SourceFile) else tree({path: data})[path]
        for path, data in files.items()
    }
    return make_port(UPSTREAM, SourceTree(sources), recipe, cann=DEFAULT_CANN, templates=templates)


@pytest.fixture(scope="module")
def example() -> Port:
    recipe = read_recipe(ROOT / "patches" / "tiny_gan")
    return ported(read_folder(ROOT / "examples" / "tiny_gan"), recipe)


def text_of(port: Port, name: str = "README_EN.md") -> str:
    return port.after[name].data.decode()


def parsed(text: str) -> list[Token]:
    return MARKDOWN.parse(text)


def headings(text: str) -> list[tuple[str, str]]:
    tokens = parsed(text)
    return [
        (token.tag, after.content)
        for token, after in pairwise(tokens)
        if token.type == "heading_open"
    ]


def anchors(text: str) -> set[str]:
    """As GitHub and Gitee make them."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in headings(text)}


def links(text: str) -> list[str]:
    return [
        str(child.attrs["href"])
        for token in parsed(text)
        for child in token.children or ()
        if child.type == "link_open"
    ]


def tables(text: str) -> list[list[list[str]]]:
    """Each table as rows of cells."""
    found: list[list[list[str]]] = []
    for token in parsed(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and token.level > 3:
            found[-1][-1].append(token.content)
    return found


def table(text: str, first: str) -> list[list[str]]:
    return next(found for found in tables(text) if found[0][0] == first)


def commands(text: str) -> list[str]:
    return [
        line
        for token in parsed(text)
        if token.type == "fence" and token.info == "bash"
        for line in token.content.replace("\\\n    ", "").splitlines()
    ]


def prose_commands(text: str) -> list[str]:
    """The commands in the sentences, between backticks."""
    inline = [child for token in parsed(text) for child in token.children or ()]
    codes = [child.content for child in inline if child.type == "code_inline"]
    return [code for code in codes if re.match(r"(?:\w+=\S+ )*(?:python3|migrate) ", code)]


def check_prose_command(line: str, files: Mapping[str, SourceFile]) -> None:
    """That a command starts what there is, with flags that it has."""
    words = [word for word in shlex.split(line) if not re.match(r"\w+=", word)]
    if words[0] == "migrate":
        with pytest.raises(SystemExit) as ended:
            cli.main([words[1], "--help"])
        assert ended.value.code == 0, line
        return
    if words[1:4] == ["-m", "pip", "install"]:
        assert words[4:] == ["-r", "requirements.txt"] and "requirements.txt" in files, line
        return
    module = words[1] == "-m"
    script = words[2].replace(".", "/") + ".py" if module else words[1]
    assert script in files, line
    known = {flag.name for flag in flags_of(Project(files), script)}
    given = [word[2:].partition("=")[0] for word in words if word.startswith("--")]
    assert set(given) <= known, (line, known)


def test_commands_in_sentences_start_what_there_is(example: Port) -> None:
    for name in BOTH:
        found = prose_commands(text_of(example, name))
        assert {line.split()[0] for line in found} == {"python3", "migrate"}
        for line in found:
            check_prose_command(line, example.after)


def check_packages(requirements: Path) -> None:
    """That the packages can be had together, for the Python that trains; none is installed."""
    python = required_tf115().python
    words = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--python", str(python)]
    environment = {**os.environ, **_index(python)}
    done = subprocess.run(
        [*words, "-r", requirements], capture_output=True, text=True, env=environment
    )
    if "error sending request" in done.stderr:
        pytest.skip("there is no package index here")
    assert done.returncode == 0, done.stderr


@pytest.mark.tf115
def test_the_packages_can_be_installed(example: Port, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(example.after["requirements.txt"].data)
    check_packages(tmp_path / "requirements.txt")


def test_modelzoos_chapters_stand_in_its_order(example: Port) -> None:
    titles = [title for _, title in headings(text_of(example, "README.md"))]
    assert [title for title in titles if title in CHAPTERS] == CHAPTERS


def test_both_languages_say_the_same(example: Port) -> None:
    chinese, english = (text_of(example, name) for name in BOTH)
    assert [tag for tag, _ in headings(chinese)] == [tag for tag, _ in headings(english)]
    assert [[len(row) for row in found] for found in tables(chinese)] == [
        [len(row) for row in found] for found in tables(english)
    ]
    assert commands(chinese) == commands(english)
    figures = [
        [
            cell
            for rows in tables(text)
            for row in rows
            for cell in row
            if re.fullmatch(r"[\d.]+", cell)
        ]
        for text in (chinese, english)
    ]
    assert figures[0] == figures[1] != []


@pytest.mark.parametrize("name", BOTH)
def test_links_and_anchors_lead_somewhere(name: str, example: Port) -> None:
    text = text_of(example, name)
    found = links(text)
    assert found
    for link in found:
        if link.startswith("#"):
            assert unquote(link[1:]) in anchors(text), link
        elif link.endswith(".patch"):
            patches = [patch for patch, _ in example.series.patches]
            assert link.removeprefix(f"../../patches/{UPSTREAM.name}/") in patches, link
        elif not link.startswith("https://"):
            assert link in example.after, link


@pytest.mark.parametrize("name", BOTH)
def test_tables_are_whole_and_nothing_is_empty(name: str, example: Port) -> None:
    text = text_of(example, name)
    found = tables(text)
    assert len(found) >= 6
    for rows in found:
        assert len({len(row) for row in rows}) == 1
        assert all(cell.strip() for row in rows for cell in row), rows
    # What looks like a row belongs to a table.
    fenced = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    rows_written = sum(line.startswith("| ") for line in fenced.splitlines())
    assert rows_written == sum(len(rows) + 1 for rows in found)
    assert not re.search(r"TODO|XXX|\{\{|\}\}|None\b|待补充|\$\{", fenced)


@pytest.mark.parametrize("name", BOTH)
def test_a_markdown_linter_has_nothing_to_say(name: str, example: Port, tmp_path: Path) -> None:
    for port in (ported({"train.py": TRAIN}), example):
        (tmp_path / name).write_bytes(port.after[name].data)
        done = subprocess.run(
            [sys.executable, "-m", "pymarkdown", "-d", "MD013", "scan", tmp_path / name],
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_commands_start_files_of_the_port_with_flags_that_these_have(example: Port) -> None:
    text = text_of(example)
    known = {word for row in table(text, "Parameter") for word in re.findall(r"--\w+", row[0])}
    for rows in tables(text):
        if rows[0][:2] == ["Parameter", "Type"]:
            known |= {re.sub(r"\W", "", row[0]) for row in rows[1:]}
    found = commands(text)
    assert "./run.sh --data images --out run --steps 2000" in found
    for line in found:
        words = shlex.split(line.strip("()").replace(". ./test/env.sh && ", ""))
        words = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        if words[:2] == ["migrate", "diff"]:
            assert words[-1] in [patch[5:-6] for patch, _ in example.series.patches]
            continue
        if words[0] == "docker":
            assert "Dockerfile" in words and words[-1] == "."
            continue
        script = words[0] if words[0].startswith("./") else words[1]
        assert script.removeprefix("./") in example.after, line
        for word in words:
            if word.startswith("--") and "_url" not in word and "data_path" not in word:
                assert word[2:].partition("=")[0] in known, line


def test_every_file_is_in_the_tree_with_what_it_is(example: Port) -> None:
    for name in BOTH:
        fence = next(t for t in parsed(text_of(example, name)) if t.info == "text")
        lines = fence.content.splitlines()[1:]
        shown = {line.partition("#")[0].strip("│├└─ ").strip() for line in lines}
        assert {path.rpartition("/")[2] for path in [*example.after, MANIFEST_NAME]} <= shown
        for line in lines:
            assert line.partition("#")[0].rstrip().endswith("/") or line.partition("# ")[2], line
    assert re.search(r"train\.py +# entry; Train the GAN on a folder", text_of(example))


def test_files_that_say_nothing_are_told_by_what_they_define() -> None:
    files = {
        "a.py": b"# Copyright\n\ndef load(): pass\nclass Net: pass\n",
        "b.py": b'"""Copyright 2017 X. All rights reserved."""\nx = 1\n',
        "c.py": b"#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nu'''Makes it so.\n\nMore.'''\n",
        "d.bin": b"\0",
        "e.py": b'"""' + b"word " * 40 + b'"""',
        "f.py": b"# Licence\r\n" * 200 + b"x = 1\r\n",  # as long as it may be
    }
    lines = list(listed({path: SourceFile(path, data) for path, data in files.items()}, "en", ()))
    said = [line.partition("# ")[2] for line in lines]
    assert said[:4] == ["defines load, Net", "Python module", "Makes it so", "file"]
    assert said[4].endswith("…") and len(said[4]) <= 72


def test_many_pictures_are_one_line() -> None:
    files = {f"out/{n}.png": SourceFile(f"out/{n}.png", b"") for n in range(30)}
    lines = list(listed(files, "en", ()))
    assert lines == ["└── out/", "    └── *.png  # 30 files: picture"]


def test_flags_are_told_with_default_choices_and_help() -> None:
    rows = table(text_of(ported({"train.py": TRAIN})), "Parameter")
    found = next(
        rows
        for rows in tables(text_of(ported({"train.py": TRAIN})))
        if len(rows[0]) == 5 and rows[0][0] == "Parameter"
    )
    assert rows[1] == ["`--batch_size`", "`32`"]
    assert found[1] == ["`--batch_size`", "`int`", "`32`", "any", "pictures | a \\*step\\*"]
    assert found[2][3] == '`"a|b"`, ``"`c`"``'


def test_defaults_are_upstreams_where_the_runtime_moves_them() -> None:
    define = "flags.DEFINE_string('train_dir', './out', 'where to', flags.FLAGS)\n"
    define = f"from absl import flags\n{define}"
    use = "tf.gfile.MakeDirs(flags.FLAGS.train_dir)\n"
    port = ported({"train.py": define + TRAIN.replace("if __name__", f"{use}if __name__")})
    assert b"output_path('./out')" in port.after["train.py"].data
    for rows in tables(text_of(port)):
        assert all("output_path" not in cell for row in rows for cell in row)
    assert "| `--train_dir` | `str` | `'./out'` |" in text_of(port)


def test_folders_of_outputs_are_told_where_no_flag_names_them() -> None:
    train = TRAIN.replace("import argparse", "import argparse, time") + (
        "    tf.train.Saver().save(tf.Session(), './runs/%s/model' % time.time())\n"
    )
    port = ported({"train.py": train})
    assert b"output_path('./runs/%s/model'" in port.after["train.py"].data
    for name in BOTH:
        assert "2. " in text_of(port, name) and "`runs/`" in text_of(port, name)


def test_a_module_of_a_package_is_told_to_be_started_as_one() -> None:
    package = {
        "a/train.py": f"from . import x\n{TRAIN}",
        "a/test.py": "from . import x\nprint(x)\n",
        "a/x.py": "x = 1\n",
    }
    recipe = Recipe(rules=kit_rules(), entries=("a/train.py", "a/test.py"))
    for name in BOTH:
        text = text_of(ported({**package}, recipe), name)
        assert "`python3 -m a.train`" in text
        assert '"$PYTHON" -m a.test)' in text
        text = text_of(ported({**package}, recipe, evaluate=("a/test.py", "--all")), name)
        assert '"$PYTHON" -m a.test --all)' in text
        plain = text_of(ported({"train.py": TRAIN}), name)
        assert "python3 -m " not in plain.replace("python3 -m pip", "")


def test_a_checkpoint_to_evaluate_is_left_to_a_person() -> None:
    words = ("evaluate.py", "--from=$CHECKPOINT", "$CHECKPOINT", "$HOME")
    port = ported({"train.py": TRAIN, "evaluate.py": ""}, evaluate=words)
    for name in BOTH:
        line = next(line for line in commands(text_of(port, name)) if "evaluate.py" in line)
        assert """evaluate.py --from="$CHECKPOINT" "$CHECKPOINT" '$HOME')""" in line
        assert "`CHECKPOINT`" in text_of(port, name)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a|b",
            "*x* _y_ `z`",
            "[a](b)",
            "<b>x</b>",
            "# x",
            "1. x",
            "- x",
            "&lt;",
            "a\\|b",
            "~~x~~",
        ),
        *("__init__", "batch_size", "0.1.0", "`", "``a`", "+ x", "> x", "![a](b)", "C:\\_x"),
    ],
)
def test_inserted_texts_show_as_they_are(text: str) -> None:
    html = MARKDOWN.render(escaped(text))
    shown = text.replace("`z`", "<code>z</code>")
    plain = shown.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")
    plain = plain.replace("&lt;code&gt;", "<code>").replace("&lt;/code&gt;", "</code>")
    assert html == f"<p>{plain}</p>\n"
    cells = MARKDOWN.render(f"| a | b |\n| --- | --- |\n| {escaped(text)} | {code(text)} |\n")
    assert cells.count("<td>") == 2


def test_addresses_become_links() -> None:
    assert links(escaped("see https://a.example/x_y_z, and https://b.example.")) == [
        "https://a.example/x_y_z",
        "https://b.example",
    ]


def test_features_are_those_of_the_port(example: Port) -> None:
    rows = {row[0]: row[1] for row in table(text_of(example), "Feature")[1:]}
    several = "test/train_full_8p.sh" in example.after
    assert rows["Distributed training"] == rows["Data parallelism"] == ("yes" if several else "no")
    chapters = [title for _, title in headings(text_of(example))]
    assert ("Distributed training" in chapters) == several
    assert rows["Mixed precision"] == "yes"
    codes = [row[0] for row in table(text_of(example), "Rule")[1:]]
    assert sorted(codes) == sorted(example.manifest.rules)
    for row in table(text_of(example), "Rule")[1:]:
        assert int(row[2]) == example.manifest.rules[row[0]]


def test_nothing_is_measured_until_it_is() -> None:
    files: dict[str, str | bytes] = {"train.py": TRAIN}
    rows = table(text_of(ported(files)), "Figure")
    assert {cell for row in rows[1:] for cell in row[1:]} == {"not measured"}
    runs = (Run("npu", "Ascend 910", {"ActualFPS": 1120.5, "ActualLoss": 0.0}),)
    figure = Published(
        {"zh": "精度", "en": "Accuracy"}, "0.7", "", dict.fromkeys(("zh", "en"), "a paper | 2021")
    )
    port = ported(files, runs=runs, published=(figure,))
    for name in BOTH:
        found = [rows for rows in tables(text_of(port, name)) if rows[0][0] in ("Figure", "指标")]
        assert found[0][0][1:] in (["GPU", "NPU (Ascend 910)"], ["GPU", "NPU（Ascend 910）"])
        assert [row[2] for row in found[0][1:]].count("1120.5") == 1
        assert [row[2] for row in found[0][1:]].count("0.0") == 1
        assert found[1][1][1] == "0.7" and "2021" in found[1][1][3]


GPU = Run("gpu", "V100", {"TrainAccuracy": 0.9, "ActualLoss": 1.0, "ActualFPS": 100.0}, "full")
NPU = GPU._replace(platform="npu", hardware="Ascend 910")


def measured(run: Run, **results: float) -> Run:
    return run._replace(results={**run.results, **results})


@pytest.mark.parametrize(
    ("runs", "proved"),
    [
        ((), {}),
        ((GPU,), {"GPUStatus": "OK"}),
        ((NPU._replace(training="performance"),), {}),
        ((NPU._replace(training=""),), {}),
        ((NPU,), {"FuncStatus": "OK", "NPUMigrationStatus": "OK"}),
        (
            (GPU, NPU),
            {
                **{"GPUStatus": "OK", "FuncStatus": "OK", "NPUMigrationStatus": "OK"},
                **{"PrecisionStatus": "OK", "PerfStatus": "OK"},
            },
        ),
        (
            (GPU, measured(NPU, ActualFPS=120.0, TrainAccuracy=0.8)),
            {
                **{"GPUStatus": "OK", "FuncStatus": "OK", "NPUMigrationStatus": "OK"},
                **{"PrecisionStatus": "POK", "PerfStatus": "PERFECT"},
            },
        ),
        (
            (GPU, measured(NPU, ActualFPS=49.0, TrainAccuracy=0.8, ActualLoss=1.1)),
            {"GPUStatus": "OK", "FuncStatus": "OK", "NPUMigrationStatus": "OK"},
        ),
        # The worst on the NPU counts, and a training on eight devices is compared with none.
        (
            (GPU._replace(training="performance"), NPU, measured(NPU, ActualFPS=50.0)),
            {"FuncStatus": "OK", "NPUMigrationStatus": "OK", "PerfStatus": "POK"},
        ),
        (
            (GPU, measured(NPU, ActualFPS=800.0)._replace(devices=8)),
            {"GPUStatus": "OK", "FuncStatus": "OK", "NPUMigrationStatus": "OK"},
        ),
    ],
)
def test_levels_are_what_runs_prove(runs: tuple[Run, ...], proved: dict[str, str]) -> None:
    port = ported({"train.py": TRAIN}, runs=runs)
    keys = ["GPUStatus", "NPUMigrationStatus", "FuncStatus", "PrecisionStatus", "AutoTune"]
    expected = [f"{key}:{proved.get(key, 'NOK')}" for key in [*keys, "PerfStatus"]]
    assert port.after["modelzoo_level.txt"].data.decode().splitlines() == expected


def test_date_and_size_are_facts() -> None:
    def basic(port: Port, name: str) -> list[str]:
        return [
            line.partition("（Modified）：" if name == "README.md" else "Modified: ")[2]
            or line.partition("（Size）：" if name == "README.md" else "Size: ")[2]
            for line in text_of(port, name).splitlines()
            if re.search("Modified|Size[）:]", line)
        ]

    port = ported({"train.py": TRAIN})
    assert basic(port, "README.md")[1] == "未测量（检查点文件的大小）"
    assert basic(port, "README_EN.md")[0].startswith("not known")
    runs = (
        GPU._replace(checkpoint_bytes=1),
        NPU._replace(devices=8, checkpoint_bytes=574_680_000),
    )
    source = SourceTree(tree({"train.py": TRAIN}), date="2018-11-01")
    recipe = Recipe(rules=kit_rules(), readme=Readme(runs=runs))
    port = make_port(UPSTREAM, source, recipe, cann=DEFAULT_CANN, templates=ROOT / "templates")
    for name in BOTH:
        date, size = basic(port, name)
        assert date.startswith("2018-11-01") and size.startswith("574.7 MB")
        assert "8 × Ascend 910" in text_of(port, name)


def test_defaults_are_those_that_decide_a_training() -> None:
    flags = ["lr", "max_steps", "dataset_dir", "log_every_n_steps", "save_steps", "dataset_name"]
    define = "".join(f"parser.add_argument('--{flag}', default='1')\n" for flag in flags)
    port = ported({"train.py": TRAIN.replace("if __name__", f"{define}if __name__")})
    rows = [row[0] for row in table(text_of(port), "Parameter")[1:]]
    assert rows == ["`--batch_size`", "`--lr`", "`--max_steps`", "`--dataset_name`"]


HOROVOD = """import horovod.tensorflow as hvd
hvd.init()
optimizer = hvd.DistributedOptimizer(tf.train.AdamOptimizer(0.1 * hvd.size()))
"""


def test_the_learning_rate_is_not_said_to_be_fixed_where_upstream_scales_it() -> None:
    text = text_of(ported({"train.py": TRAIN.replace("if __name__", f"{HOROVOD}if __name__")}))
    assert "whether the learning rate changes" in text
    assert "does not change with the number of devices" not in text


@pytest.mark.parametrize("name", ["README.md", "readme.md", "Readme.MD"])
def test_upstreams_readme_is_kept_under_another_name(name: str) -> None:
    port = ported({"train.py": TRAIN, name: b"# Mine\r\n\xff"})
    assert port.after["README_UPSTREAM.md"].data == b"# Mine\r\n\xff"
    assert sorted(p for p in port.after if p.lower() == "readme.md") == ["README.md"]
    assert "[README_UPSTREAM.md](README_UPSTREAM.md)" in text_of(port)
    notice = port.after["NOTICE"].data.decode()
    assert f"- {name}: README_UPSTREAM.md\n" in notice
    assert "- README_UPSTREAM.md" not in notice


def test_a_second_readme_and_one_that_is_called_upstreams_are_kept_too() -> None:
    port = ported(
        {
            "train.py": TRAIN,
            "README.md": b"1",
            "README_EN.md": b"2",
            "README_UPSTREAM.md": b"3",
            "README.rst": b"4",
        }
    )
    kept = {port.after[path].data for path in port.after if "UPSTREAM" in path}
    assert kept == {b"1", b"2", b"3"} and port.after["README.rst"].data == b"4"


def test_a_folder_in_the_way_is_a_finding() -> None:
    port = ported({"train.py": TRAIN, "readme.md/a.txt": b""})
    assert "README.md" not in port.after and "README_EN.md" in port.after
    assert any(f.code == "NPU917" and "README.md" in f.message for f in port.findings)


def test_without_a_script_that_trains_readmes_stay() -> None:
    port = ported({"lib.py": "import tensorflow as tf\n", "README.md": b"x"})
    assert port.after["README.md"].data == b"x" and "README_EN.md" not in port.after


def test_a_port_of_a_port_keeps_its_readmes(example: Port) -> None:
    again = ported(dict(example.after), read_recipe(ROOT / "patches" / "tiny_gan"))
    assert again.after == example.after


def test_the_report_names_them(example: Port) -> None:
    assert port_json(example)["readmes"] == list(BOTH)
    assert "  readmes   README.md, README_EN.md" in list(port_lines(example))


def test_a_template_of_the_workspace_counts_first(tmp_path: Path) -> None:
    (tmp_path / "README.md.j2").write_text("{{ network | md }}", encoding="utf-8")
    port = ported({"train.py": TRAIN}, templates=tmp_path)
    assert text_of(port, "README.md") == f"{UPSTREAM.name}_for_TensorFlow"


def test_everything_of_the_kit_has_a_chinese_text() -> None:
    module = ROOT / "migrate" / "runtime" / "npu_runtime" / "settings.py"
    variables = runpy.run_path(str(module))["VARIABLES"]
    assert VARIABLES.keys() == {variable.name for variable in variables}
    assert runtime_paths() <= FILES.keys()
    assert {rule.code for rule in kit_rules()} - RULES.keys() <= {"NPU202"}  # which only reports


@pytest.mark.parametrize(
    ("table_given", "message"),
    [
        (1, "readme: expected a table"),
        ({"author": "x"}, "readme.author: expected one of"),
        ({"domain": "x"}, "readme.domain: expected a text in both languages"),
        ({"domain": {"zh": "x"}}, "readme.domain: expected a text in both"),
        ({"about": {"zh": "x", "en": " "}}, "readme.about: expected a text in both"),
        ({"paper": 1}, "readme.paper: expected a text"),
        ({"train": "'x"}, "readme.train: expected words as in a shell"),
        ({"published": {}}, "readme.published: expected tables"),
        ({"published": [{"cpu": "1"}]}, "published[0].cpu: expected one of gpu, metric, npu, so"),
        ({"published": [1]}, "readme.published: expected tables, each under"),
        ({"published": [{"metric": "x"}]}, "published[0].metric: expected a text in both"),
        (
            {"published": [{"metric": {"zh": "x", "en": "y"}, "npu": "1"}]},
            "published[0].source: expected a text in both languages",
        ),
    ],
)
def test_a_table_that_is_wrong_is_refused(
    table_given: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        read_readme(table_given, tmp_path, "recipe.toml")
    assert str(raised.value).startswith("recipe.toml: readme"), raised.value
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "not JSON"),
        ("[]", "an object with platform"),
        ('{"platform": "tpu", "hardware": "x", "results": {"ActualFPS": 1}}', "one of gpu, npu"),
        ('{"platform": "npu", "hardware": " ", "results": {"ActualFPS": 1}}', "the hardware"),
        ('{"platform": "npu", "hardware": "x", "results": {"FPS": 1}}', "results, some of"),
        ('{"platform": "npu", "hardware": "x", "results": {"ActualFPS": NaN}}', "a number"),
        ('{"platform": "npu", "hardware": "x", "results": {"ActualFPS": true}}', "a number"),
        *(
            (f'{{"platform": "npu", "hardware": "x", "results": {{"ActualFPS": 1}}, {more}}}', said)
            for more, said in (
                ('"training": "half"', "a training, one of full, performance"),
                ('"devices": 0', "a whole number of at least 1 for devices"),
                ('"checkpoint_bytes": 1.5', "at least 1 for checkpoint_bytes"),
                ('"steps": 1', "and perhaps checkpoint_bytes, devices, training"),
            )
        ),
    ],
)
def test_a_record_that_is_wrong_is_refused(record: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.json").write_text(record)
    with pytest.raises(UsageError) as raised:
        read_readme({}, tmp_path, "recipe.toml")
    assert "a.json" in str(raised.value) and message in str(raised.value)


def test_the_record_that_the_manual_shows_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```json\n(\{\"platform.*?)```", (ROOT / "USING.md").read_text(), re.S)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.json").write_text(shown)
    (run,) = read_readme({}, tmp_path, "recipe.toml").runs
    assert (run.training, run.devices, run.checkpoint_bytes) == ("full", 1, 574680000)


def test_records_and_table_are_read(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    good = """{"platform": "gpu", "hardware": "V100", "results": {"TrainAccuracy": 0.9},
               "training": "full", "devices": 2, "checkpoint_bytes": 3}"""
    (tmp_path / "runs" / "a.json").write_text(good)
    found = read_readme({"train": "--a 'b c'", "evaluate": ""}, tmp_path, "recipe.toml")
    assert found == Readme(
        train=("--a", "b c"),
        evaluate=(),
        runs=(Run("gpu", "V100", {"TrainAccuracy": 0.9}, "full", 2, 3),),
    )


@pytest.mark.tf115
def test_the_commands_train_and_evaluate_on_a_simulated_device(
    example: Port, tmp_path: Path
) -> None:
    python = required_tf115().python
    for path, file in example.after.items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.data)
        place.chmod(file.mode & 0o777)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NPU_")},
        "PYTHONPATH": str(ROOT),
        "DATA": "images",
    }

    def ended(words: list[str], environment: Mapping[str, str], line: str) -> None:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, line + done.stderr + done.stdout

    def run(line: str) -> None:
        words = [sys.executable, "-m", "migrate", "simulate", "--", "bash", "-c", line]
        ended(words, environment, line)

    def run_on_two(line: str) -> None:
        place = tmp_path / "two"
        place.mkdir()
        with two_devices(place) as simulated:
            more = {"DATA": "images", "RANK_SIZE": "2"}
            ended(["bash", "-c", line.replace("RANK_SIZE=8", "")], {**simulated, **more}, line)
        shutil.rmtree(place)

    assert cli.main(["ranktable", "--devices=2", "--to", str(tmp_path / "rank_table.json")]) == 0
    run(f"{python} -m tools.make_images --out images --count 20")
    shutil.copytree(tmp_path / "images", tmp_path / "data" / "images")
    ran = set()
    for line in dict.fromkeys(commands(text_of(example))):
        # All but what needs docker, a workspace or a real profiler; smaller, and from a folder
        # instead of OBS.
        if line.startswith(("docker", "migrate")) or "msprof" in line:
            continue
        small = "--channels 8 --batch_size 8"
        if line.startswith("bash test/"):
            line = f"{line} --batch_size=8 --train_steps=2"
        else:
            line = line.replace("--steps 2000", f"{small} --steps 2")
        line = line.replace("evaluate.py", f"evaluate.py {small}")
        line = line.replace("obs://bucket/data", "data").replace("obs://bucket/output", "copy")
        line = line.replace("python3", str(python))
        if "run.sh" in line:
            shutil.rmtree(tmp_path / "run", ignore_errors=True)  # each trains from the start
        several = "RANK_" in line or "_8p" in line
        (run_on_two if several else run)(line)
        ran.add(line.split()[0])
    assert ran >= {"./run.sh", "bash", "(.", str(python)}
    if "test/train_full_8p.sh" in example.after:
        assert ran >= {"RANK_SIZE=8", "RANK_TABLE_FILE=rank_table.json"}
    assert (tmp_path / "run" / "checkpoint").exists()


def test_what_is_found_in_upstreams_readme_is_told_of_it_under_its_new_name() -> None:
    readme = "# MyGAN\n\nTrain it:\n\n    CUDA_VISIBLE_DEVICES=0 python train.py\n"
    port = ported({"train.py": TRAIN, "README.md": readme})
    [(path, line)] = [(f.path, f.line) for f in port.findings if f.code == "NPU405"]
    assert path == "README_UPSTREAM.md"
    assert b"CUDA_VISIBLE_DEVICES" in port.after[path].data.splitlines()[line - 1]

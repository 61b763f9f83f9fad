"""The engine: walking, gates, findings, and the same result everywhere."""

from __future__ import annotations

import ast
import gc
import os
import random
import re
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from migrate.analysis import parsed
from migrate.analysis.project import MAX_PARSED_BYTES, Project
from migrate.analysis.references import functions_in
from migrate.codemods.edits import Edit
from migrate.codemods.engine import rewrite
from migrate.codemods.registry import in_groups, kit_rules
from migrate.codemods.rule import (
    GROUPS,
    Change,
    Context,
    FileChange,
    Option,
    ProjectContext,
    Rule,
    RuntimeImport,
    SessionRow,
)
from migrate.upstream.tree import EXECUTABLE, SourceFile, read_folder
from tests.codemods.support import Files, Ported, port_files

ROOT = Path(__file__).parents[2]
PROJECTS = ROOT / "tests" / "fixtures" / "projects"


def rule(
    check: Callable[[Context], Iterator[Change]], code: str = "NPU198", group: str = "devices"
) -> Rule:
    made = Rule(code, code, group=group, literals=(b"old", b"new"))
    made.on_module(check)
    return made


def names(context: Context, name: str) -> Iterator[ast.Name]:
    for node in context.module.nodes:
        if isinstance(node, ast.Name) and node.id == name:
            yield node


def old_to_new(context: Context) -> Iterator[Change]:
    for node in names(context, "old"):
        yield context.replace(node, "new")


RENAME = rule(old_to_new)


def older_to_newer(context: Context) -> Iterator[Change]:
    for node in names(context, "older"):
        yield context.replace(node, "newer")


RENAME_LATER = rule(older_to_newer, "NPU199", "session")


def run(files: Files, *rules: Rule) -> Ported:
    return port_files(files, *(r.code for r in rules), rules=rules)


def test_a_rule_is_asked_about_what_it_finds_as_the_groups_before_left_it() -> None:
    asked: list[str] = []

    def note_path(context: Context) -> Iterator[Change]:
        asked.append(context.module.path)
        yield from ()

    def names_new(project: Project, path: str) -> bool:
        return b"new" in project.files[path].data

    finder = Rule("NPU197", "finder", group="session", finds=names_new, only_reports=True)
    finder.on_module(note_path)
    texts = {"a.py": b"print(old)\n", "b.py": b"print(other)\n", "c.py": b"print(new)\n"}
    files = {path: SourceFile(path, data) for path, data in texts.items()}
    rewrite(Project(files), [RENAME, finder], {})
    assert asked == ["a.py", "c.py"]


def test_each_part_goes_through_the_groups_and_then_comes_what_looks_at_all() -> None:
    asked: list[tuple[str, str]] = []

    def asking(code: str, group: str, *, whole: bool = False) -> Rule:
        # With options, it only looks whether they fit, and need not wait.
        made = Rule(code, code, group=group, whole=whole, options={"x": Option("a text", bool)})

        @made.on_project
        def of_project(context: ProjectContext) -> Iterator[Change]:
            asked.append((code, "project of " + " ".join(context.project.python_files)))
            yield from ()

        @made.on_part
        def of_part(context: ProjectContext) -> Iterator[Change]:
            asked.append((code, "part of " + " ".join(context.project.python_files)))
            yield from ()

        return made

    rules = [
        asking("NPU197", "devices"),
        asking("NPU198", "session"),
        asking("NPU199", "obs-io", whole=True),
    ]
    run({"a.py": "", "b.py": "import c", "c.py": ""}, *rules)
    assert asked == [
        ("NPU197", "project of a.py b.py c.py"),
        ("NPU198", "project of a.py b.py c.py"),
        ("NPU197", "part of b.py c.py"),
        ("NPU198", "part of b.py c.py"),
        ("NPU197", "part of a.py"),
        ("NPU198", "part of a.py"),
        ("NPU199", "project of a.py b.py c.py"),
        ("NPU199", "part of a.py b.py c.py"),
    ]


def test_what_is_asked_of_the_project_waits_for_the_groups_before() -> None:
    ask = Rule("NPU199", "ask", group="session")

    @ask.on_project
    def write(context: ProjectContext) -> Iterator[Change]:
        data = context.project.files["a.py"].data
        yield FileChange("a.py", data.replace(b"new\n", b"newest\n"))

    ported = run({"a.py": "old\n", "b.py": "old\n"}, RENAME, ask)
    assert (ported.text("a.py"), ported.text("b.py")) == ("newest\n", "new\n")


def test_a_rule_of_the_whole_project_sees_what_the_groups_before_left_in_all_parts() -> None:
    seen: list[bytes] = []
    last = Rule("NPU199", "last", group="obs-io", whole=True)

    @last.on_module
    def see(context: Context) -> Iterator[Change]:
        seen.extend(file.data for file in context.project.files.values())
        yield from ()

    run({"a.py": "old\n", "b.py": "old\n"}, RENAME, last)
    assert set(seen) == {b"new\n"}


def test_a_rule_rewrites_the_files_that_it_concerns() -> None:
    ported = run({"a.py": "old(1)  # old\n", "b.py": "x = 1\n", "c.txt": "old\n"}, RENAME)
    assert ported.text("a.py") == "new(1)  # old\n"
    assert ported.text("b.py") == "x = 1\n"
    assert ported.text("c.txt") == "old\n"
    assert ported.findings == []
    assert ported.fired == {"NPU198": 1}


def test_no_rule_fired_means_the_same_bytes() -> None:
    odd = [b"", b"\n", b"\xef\xbb\xbf", b"x = 1", b"x\r\ny\n", b"# \xe9", b"def (:", b"\0old\0"]
    files: Files = {f"f{n}.py": data for n, data in enumerate(odd)}
    ported = port_files(files)
    assert ported.files == files
    assert not ported.fired


@pytest.mark.parametrize(
    "data",
    [
        b"x = old",
        b"\xef\xbb\xbfold()\r\n\r\n\r\nx = 1\n",
        b"# coding: latin-1\n# \xe9\nold('\xe9')\n",
        "# coding: gbk\n# 训\nx = '练', old\n".encode("gbk"),
        b"\x0cold()\x0c\rx = 1  \r",
        b"def f():\n\told()   \n # a\n # b\n",
        b"old()\n\n\n    ",
        b"x = '\xe2\x80\xa8' + old\r\n",
    ],
)
def test_bytes_outside_of_edits_stay(data: bytes) -> None:
    assert run({"a.py": data}, RENAME).files["a.py"] == data.replace(b"old", b"new")


def test_file_modes_stay() -> None:
    project = Project({"a.py": SourceFile("a.py", b"old()\n", EXECUTABLE)})
    rewrite(project, [RENAME], {})
    assert project.files["a.py"] == SourceFile("a.py", b"new()\n", EXECUTABLE)


def test_edits_that_collide_leave_the_file_and_no_other() -> None:
    def other(context: Context) -> Iterator[Change]:
        for node in names(context, "old"):
            if isinstance(call := context.module.parents[node], ast.Call):
                yield context.replace(call, "gone")

    files = {"a.py": "x\nold(1)\n", "b.py": "old\n"}
    ported = run(files, RENAME, rule(other, "NPU199"))
    assert ported.text("a.py") == files["a.py"]
    assert ported.text("b.py") == "new\n"
    [finding] = ported.findings
    assert (finding.code, finding.severity, finding.path) == ("NPU900", "error", "a.py")
    assert "two edits touch the same text (lines 2 and 2) (rules NPU198, NPU199)" in finding.message
    assert ported.fired == {"NPU198": 1}


def test_the_same_edit_of_two_rules_is_made_once() -> None:
    ported = run({"a.py": "old\n"}, RENAME, rule(old_to_new, "NPU199"))
    assert ported.text("a.py") == "new\n"
    assert ported.findings == []


@pytest.mark.parametrize("when", ["at once", "after a change"])
def test_a_rule_that_raises_stops_no_other(when: str) -> None:
    def broken(context: Context) -> Iterator[Change]:
        if context.module.path == "a.py":
            if when == "after a change":
                yield from old_to_new(context)
            raise KeyError("oops")
        yield from old_to_new(context)

    def also(context: Context) -> Iterator[Change]:
        for node in names(context, "x"):
            yield context.replace(node, "y")

    files = {"a.py": "x = old\n", "b.py": "x = old\n"}
    ported = run(files, rule(broken), rule(also, "NPU199"))
    assert ported.text("a.py") == "y = old\n"
    assert ported.text("b.py") == "y = new\n"
    assert {(f.code, f.path, f.severity) for f in ported.findings} == {("NPU903", "a.py", "error")}
    assert "NPU198 failed here: KeyError: 'oops'" in ported.findings[0].message


def test_a_rule_that_raises_on_its_own_result_is_reported() -> None:
    def fragile(context: Context) -> Iterator[Change]:
        if list(names(context, "new")):
            raise RecursionError("deep")
        yield from old_to_new(context)

    ported = run({"a.py": "old\n"}, rule(fragile))
    assert ported.codes() == ["NPU903"]


def test_a_project_rule_that_raises_stops_no_other() -> None:
    broken = Rule("NPU197", "broken", group="compat")

    @broken.on_project
    def check(context: ProjectContext) -> Iterator[Change]:
        yield FileChange("requirements.txt", b"x\n")
        raise OSError("oops")

    ported = run({"a.py": "old\n"}, broken, RENAME)
    assert ported.text("a.py") == "new\n"
    assert "requirements.txt" not in ported.files
    assert "NPU903" in ported.codes("error")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("new(", "does not parse as Python 3.7"),
        ("(new := 1)", "does not parse as Python 3.7"),
        ("训", "the result is not iso-8859-1"),
    ],
)
def test_a_result_that_fails_a_gate_is_not_taken(text: str, message: str) -> None:
    def bad(context: Context) -> Iterator[Change]:
        for node in names(context, "old"):
            yield context.replace(node, text)

    files = {"a.py": "# coding: latin-1\nold\n"}
    ported = run(files, rule(bad))
    assert ported.text("a.py") == files["a.py"]
    assert [(f.code, f.severity) for f in ported.findings] == [("NPU900", "error")]
    assert message in ported.findings[0].message
    assert not ported.fired and not ported.runtime


def test_a_lost_comment_fails_a_gate() -> None:
    def drop(context: Context) -> Iterator[Change]:
        for node in names(context, "old"):
            yield context.replace(context.module.statement_of(node), "pass")

    files = {"a.py": "old(  # why\n)\n"}
    ported = run(files, rule(drop))
    assert ported.text("a.py") == files["a.py"]
    assert "a comment would be lost: # why" in ported.findings[0].message


def test_an_edit_out_of_bounds_fails_a_gate() -> None:
    def mad(context: Context) -> Iterator[Change]:
        for node in names(context, "old"):
            yield Edit(node.col_offset, 10_000, "x")
            yield context.replace(node, "new")

    ported = run({"a.py": "old\n", "b.py": "x = 'old'\n"}, rule(mad))
    assert ported.text("a.py") == "old\n"
    assert ported.codes() == ["NPU900"]


@pytest.mark.parametrize(
    "newer",
    [
        "x = 1\n(y := old)\n",
        "old\ndef f(a, /): pass\n",
        "old\nprint(f'{y=}')\n",
        "match x:\n    case 1: old\n",
        "@a\nclass B:\n    b = [c for d in e if (c := old)]\n",
        "if (\n    y := old\n): pass\n",
        "with (old, x): pass\ny = [c for d in e if (c := old)]\n",
        "with (old, x): pass\ndef f(a, /): pass\n",
        "with (old, x): pass\nmatch x:\n    case 1: old\n",
    ],
)
@pytest.mark.parametrize(
    ("head", "severity"),
    [("", "warning"), ("import tensorflow as tf; s = tf.Session()\n", "error")],
)
def test_a_file_for_a_later_python_is_left_and_told(newer: str, head: str, severity: str) -> None:
    ported = run({"a.py": head + newer, "b.py": "old\n"}, RENAME)
    assert ported.text("a.py") == head + newer
    assert ported.text("b.py") == "new\n"
    [finding] = ported.findings
    assert (finding.code, finding.severity, finding.path) == ("NPU902", severity, "a.py")
    assert 0 < finding.line <= ported.text("a.py").count("\n")
    assert re.search(r"Python 3\.7, .* cannot run it: .* Python 3\.(8|10) ", finding.message)


@pytest.mark.parametrize(
    "text", ["with (old): pass\n", "with (old, x): pass\n", "with (old) as x: pass\n"]
)
def test_brackets_that_python_3_7_knows_are_no_later_python(text: str) -> None:
    ported = run({"a.py": text}, RENAME)
    assert ported.text("a.py") == text.replace("old", "new")
    assert ported.findings == []


def test_what_a_second_pass_would_change_is_an_error() -> None:
    def grow(context: Context) -> Iterator[Change]:
        for node in names(context, "old"):
            yield context.replace(node, "old + 1")

    def import_too(context: Context) -> Iterator[Change]:
        yield from grow(context)
        yield RuntimeImport("npu_session_config")

    files = {"a.py": "old\n", "b.py": "new = older\n"}
    ported = run(files, rule(import_too), RENAME_LATER)
    assert ported.text("a.py") == "old\n"
    assert ported.text("b.py") == "new = newer\n"
    assert ported.fired == {"NPU199": 1} and not ported.runtime
    assert [(f.code, f.severity, f.line) for f in ported.findings] == [("NPU904", "error", 0)]


def test_a_file_that_a_second_pass_would_change_is_an_error() -> None:
    grow = Rule("NPU197", "grow", group="compat")

    @grow.on_project
    def check(context: ProjectContext) -> Iterator[Change]:
        yield FileChange("r.txt", context.project.files["r.txt"].data + b"x\n")

    ported = run({"r.txt": b""}, grow)
    assert ported.codes() == ["NPU904"]
    assert ported.files["r.txt"] == b""


def test_a_project_rule_that_raises_on_its_own_result_is_reported() -> None:
    fragile = Rule("NPU197", "fragile", group="compat")

    @fragile.on_project
    def check(context: ProjectContext) -> Iterator[Change]:
        if context.project.files["r.txt"].data:
            raise KeyError("oops")
        yield FileChange("r.txt", b"x\n")

    assert run({"r.txt": b""}, fragile).codes() == ["NPU903"]


def test_a_failed_gate_leaves_the_original_of_every_group() -> None:
    def spoil(context: Context) -> Iterator[Change]:
        for node in names(context, "new"):
            yield context.replace(node, "(")

    files = {"a.py": "old\n", "b.py": "old = 1\n"}
    ported = run({**files, "c.py": "new\n"}, RENAME, rule(spoil, "NPU199", "session"))
    assert ported.files["a.py"] == b"old\n" and ported.files["b.py"] == b"old = 1\n"
    assert sorted(ported.codes()) == ["NPU900"] * 3
    assert not ported.fired


def test_files_that_do_not_parse_are_copied_and_reported() -> None:
    big = b"DATA = [\n" + b"  0.125,\n" * (MAX_PARSED_BYTES // 4) + b"]\nold\n"
    assert len(big) > 2_000_000
    files: Files = {
        "big.py": big,
        "broken.py": b"def f(:\n  old\n",
        "deep.py": b"old = " + b"(" * 300 + b")" * 300 + b"\n",
        "deeper.py": b"old = 1" + b" + 1" * 50_000 + b"\n",
        "fine.py": b"old\n",
        "gbk.py": "x = '训练', old\n".encode("gbk"),
        "nul.py": b"old\n\0\n",
        "wrong.py": b"# coding: klingon\nold\n",
    }
    ported = run(files, RENAME)
    assert ported.files["fine.py"] == b"new\n"
    assert {p: d for p, d in ported.files.items() if p != "fine.py"} == {
        p: d for p, d in files.items() if p != "fine.py"
    }
    found = {(f.path, f.code, f.severity) for f in ported.findings}
    assert found == {
        ("big.py", "NPU902", "note"),
        *((f"{name}.py", "NPU902", "warning") for name in ("broken", "deep", "deeper", "gbk")),
        *((f"{name}.py", "NPU902", "warning") for name in ("nul", "wrong")),
    }
    assert next(f.line for f in ported.findings if f.path == "broken.py") == 1
    assert all(f.advice for f in ported.findings)


def test_a_session_in_what_is_taken_for_generated_data_is_an_error() -> None:
    rows = b"X = [\n" + b"  0.125,\n" * (MAX_PARSED_BYTES // 4) + b"]\n"
    files: Files = {
        "data.py": b"import tensorflow as tf\n" + rows,
        "train.py": b"import tensorflow as tf\n" + rows + b"with tf.Session() as s:\n    pass\n",
    }
    found = [(f.path, f.code, f.severity) for f in run(files, RENAME).findings]
    assert found == [("data.py", "NPU902", "note"), ("train.py", "NPU902", "error")]


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("tf.contrib.slim.learning.train(op, 'logs')", "error"),
        ("tf.estimator.Estimator(f).train(g)", "error"),
        ("tf.keras.Sequential().fit(x)", "error"),
        ("tf.train.AdamOptimizer().minimize(loss)", "error"),
        ("x = tf.constant(1)", "warning"),
    ],
)
def test_training_in_what_cannot_be_read_is_an_error(line: str, severity: str) -> None:
    ported = run({"a.py": f"import tensorflow as tf\n{line}\nif (n := 1): pass\n"}, RENAME)
    assert [(f.code, f.severity) for f in ported.findings] == [("NPU902", severity)]


def test_a_python_script_without_a_name_that_tells_it() -> None:
    imports = "import tensorflow as tf\n"
    files: Files = {
        "bin/flow": "#!/usr/bin/python3.6 -u\nold\n",
        "bin/run": "#!/bin/sh\n# not for python\nSession tensorflow\n",
        "bin/show": "#! /usr/bin/env python\r\n" + imports,
        "bin/train": "#!/usr/bin/env python3\n" + imports + "s = tf.Session()\n",
        "notes.txt": imports + "s = tf.Session()\n",
        "picture": b"#!\xff\n",
        "shebang.py": "#!/usr/bin/env python\nold\n",
    }
    ported = run(files, RENAME)
    assert [(f.path, f.line, f.code, f.severity) for f in ported.findings] == [
        ("bin/flow", 1, "NPU906", "note"),
        ("bin/show", 1, "NPU906", "warning"),
        ("bin/train", 1, "NPU906", "error"),
    ]
    assert all(".py" in f.advice for f in ported.findings)
    assert ported.text("bin/train") == files["bin/train"]


def test_a_notebook_is_copied_and_noted() -> None:
    files = {"a.ipynb": '{"cells": []}', "sub/b.ipynb": "old"}
    ported = run(files, RENAME)
    assert [(f.path, f.code, f.severity) for f in ported.findings] == [
        ("a.ipynb", "NPU905", "note"),
        ("sub/b.ipynb", "NPU905", "note"),
    ]
    assert ported.text("sub/b.ipynb") == "old"


def test_groups_see_what_the_groups_before_left() -> None:
    seen: list[tuple[str, str]] = []

    def look(code: str, group: str) -> Rule:
        def check(context: Context) -> Iterator[Change]:
            seen.append((group, context.module.source.text))
            for node in names(context, "old"):
                yield context.replace(node, f"new_{group[:3]}(old_)")
            for node in names(context, "old_"):
                yield context.replace(node, f"{group[:3]}(old_)" if len(seen) < 5 else "old_")

        return rule(check, code, group)

    order = ["session", "compat", "input-pipeline", "devices"]
    rules = [look(f"NPU19{n}", group) for n, group in enumerate(order)]
    rewrite(Project({"a.py": SourceFile("a.py", b"old\n")}), rules, {})
    assert [group for group, _ in seen[:4]] == [g for g in GROUPS if g in order]
    texts = [text for _, text in seen[:4]]
    assert texts[0] == "old\n" and texts[1] == "new_com(old_)\n"
    assert [len(text) for text in texts] == sorted(len(text) for text in texts)


def test_rules_of_a_group_see_the_same_text() -> None:
    def other(context: Context) -> Iterator[Change]:
        assert not list(names(context, "new")) or context.module.path != "a.py"
        for node in names(context, "x"):
            yield context.replace(node, "y")

    for rules in ([RENAME, rule(other, "NPU199")], [rule(other, "NPU199"), RENAME]):
        project = Project({"a.py": SourceFile("a.py", b"x = old\n")})
        [result] = [r for r in rewrite(project, rules, {}) if r.group == "devices"]
        assert project.files["a.py"].data == b"y = new\n"
        assert result.fired == {"NPU198": 1, "NPU199": 1}
        assert result.fired_in == {"a.py": {"NPU198": 1, "NPU199": 1}}


def test_a_module_sees_the_project_as_the_group_found_it() -> None:
    def by_import(context: Context) -> Iterator[Change]:
        for node in context.module.nodes:
            if isinstance(node, ast.Attribute) and context.module.qualified(node) == "lib.old":
                yield context.replace(node, "lib.new")

    files = {
        "a.py": "import lib\nT = lib.old\n",
        "b.py": "from a import *\nx = T  # old\nlib.old\n",
    }
    ported = run(files, rule(by_import))
    assert ported.text("a.py") == "import lib\nT = lib.new\n"
    assert ported.text("b.py") == "from a import *\nx = T  # old\nlib.new\n"


def test_what_rules_tell_is_passed_on() -> None:
    def tell(context: Context) -> Iterator[Change]:
        for node in names(context, "old"):
            yield context.finding(node, "warning", "seen", "look")
            yield SessionRow(context.module.path, node.lineno, "tf.Session", "host", "x")
            yield RuntimeImport("helper")
            yield from context.wrap(node, "helper(", ")")

    once = rule(tell)
    once.on_module(
        lambda c: iter([]) if "helper" in c.module.source.text else tell(c)  # type: ignore[arg-type]
    )
    ported = run({"a.py": "import x\n\nold\n"}, once)
    assert ported.text("a.py") == "import x\nfrom npu_runtime import helper\n\nhelper(old)\n"
    [finding] = ported.findings
    assert (finding.code, finding.line, finding.advice) == ("NPU198", 3, "look")
    assert [(row.path, row.line) for row in ported.sessions] == [("a.py", 3)]
    assert len(ported.runtime) == 1


def test_options_reach_their_rule() -> None:
    def to(context: Context) -> Iterator[Change]:
        for node in names(context, "old"):
            yield context.replace(node, context.options.get("to", "none"))

    ported = port_files(
        {"a.py": "old\n"}, "NPU198", rules=(rule(to),), options={"NPU198": {"to": "some"}}
    )
    assert ported.text("a.py") == "some\n"


def test_every_kit_rule_has_a_group_a_page_and_its_own_code() -> None:
    rules = kit_rules()
    assert [r.code for r in rules] == sorted({r.code for r in rules})
    assert sum(len(members) for _, members in in_groups(rules)) == len(rules)
    for one in rules:
        assert one.group in GROUPS
        assert one.summary.endswith(".")
        for part in ("Why", "Example", "Fix safety", "Not handled", "Authority"):
            assert part in one.page, f"{one.code} has no {part!r}"


def fixture_files() -> dict[str, bytes]:
    return {path: file.data for path, file in read_folder(PROJECTS).items()}


def result_of(files: dict[str, bytes]) -> tuple[dict[str, bytes], list[object], list[object]]:
    project = Project({p: SourceFile(p, data) for p, data in files.items()})
    results = rewrite(project, kit_rules(), {})
    return (
        {path: file.data for path, file in sorted(project.files.items())},
        sorted((f for r in results for f in r.findings), key=repr),
        sorted((row for r in results for row in r.sessions), key=repr),
    )


def test_the_order_of_files_changes_nothing() -> None:
    files = fixture_files()
    expected = result_of(files)
    for seed in range(2):
        shuffled = list(files.items())
        random.Random(seed).shuffle(shuffled)
        assert result_of(dict(shuffled)) == expected


def test_files_that_do_not_stay_parsed_are_ported_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = fixture_files()
    expected = result_of(files)
    monkeypatch.setattr(parsed, "_MEMORY", 0)
    monkeypatch.setattr(parsed, "_LEAST", 1)  # one at a time, each parsed anew
    assert result_of(files) == expected


DIGEST = """
import hashlib, sys
from tests.codemods.test_engine import fixture_files, result_of
print(hashlib.sha256(repr(result_of(fixture_files())).encode()).hexdigest())
"""


def test_hash_seeds_change_nothing() -> None:
    digests = set()
    for seed in ("0", "4294967295"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1


def test_memory_is_collected_again_after_a_port() -> None:
    assert gc.isenabled()
    rewrite(Project({}), kit_rules(), {})
    assert gc.isenabled()


def test_parsed_modules_are_no_garbage() -> None:
    """The engine runs without the cyclic collector, so modules must go by themselves."""
    text = b"""\
import tensorflow as tf
class A(object):
    def f(self):
        self.a = A()
        return [self.a.f(i) for i in tf.Session().run(lambda: self)]
"""
    project = Project({"a.py": SourceFile("a.py", text)})
    module = project.module("a.py")
    assert module.calls and module.loads and functions_in(project, "a.py")
    gone = weakref.ref(module)
    gc.disable()
    try:
        del module
        project.update({"a.py": SourceFile("a.py", b"")})
        assert gone() is None
    finally:
        gc.enable()

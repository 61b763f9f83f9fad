"""Whole projects: ported by the kit, as they were, and with what people ship."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import migrate.verify.static.run as run_module
from migrate.codemods.rule import GROUPS
from migrate.errors import UsageError
from migrate.manifest import MANIFEST_NAME, read_manifest
from migrate.upstream.tree import SourceFile, read_folder
from migrate.verify.static import StaticReport, run_checks
from migrate.verify.static.check import Check, Context
from migrate.verify.static.registry import all_checks
from tests.codemods.support import port_files
from tests.test_mirror import MIRROR, PINS, workspace  # noqa: F401
from tests.verify.static.support import report

ROOT = Path(__file__).parents[3]
PROJECTS = [
    ROOT / "examples" / "tiny_gan",
    *sorted(p for p in (ROOT / "tests" / "fixtures" / "projects").iterdir() if p.is_dir()),
]
# What the kit says, when it ports it, that it cannot port.
ODD = "odd_forms"


def before(project: Path) -> StaticReport:
    return run_checks(read_folder(project), cann="7.0", manifest=None)


def after(project: Path) -> StaticReport:
    files = read_folder(project)
    ported = port_files({path: file.data for path, file in files.items()}).files
    port = {path: SourceFile(path, data) for path, data in sorted(ported.items())}
    return run_checks(port, cann="7.0", manifest=None)


def sessions(made: StaticReport) -> tuple[int, int]:
    return next((c.number, c.of) for c in made.counts if c.what == "sessions configured")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_an_upstream_is_not_a_port(project: Path) -> None:
    made = before(project)
    assert made.failed
    done, of = sessions(made)
    assert (done, of > 0) == (0, True)


@pytest.mark.parametrize("project", [p for p in PROJECTS if p.name != ODD], ids=lambda p: p.name)
@pytest.mark.parametrize("cann", ["20.2", "5.1.RC2", "7.0"])
def test_a_port_of_this_kit_has_no_errors(project: Path, cann: str) -> None:
    files = read_folder(project)
    ported = port_files({path: file.data for path, file in files.items()}).files
    port = {path: SourceFile(path, data) for path, data in sorted(ported.items())}
    made = run_checks(port, cann=cann, manifest=None)
    assert [f for f in made.findings if f.severity == "error"] == []
    done, of = sessions(made)
    assert done == of > 0


def test_what_the_kit_could_not_port_is_told_again() -> None:
    """The errors are those that porting told: nothing is lost between the two reports."""
    files = read_folder(ROOT / "tests" / "fixtures" / "projects" / ODD)
    ported = port_files({path: file.data for path, file in files.items()})
    by_port = {f.path for f in ported.findings if f.severity == "error"}
    made = after(ROOT / "tests" / "fixtures" / "projects" / ODD)
    by_check = {f.path for f in made.findings if f.severity == "error" and f.code == "CHK101"}
    assert by_check <= by_port
    assert {f.path for f in made.findings if f.code == "CHK902"} <= by_port | {
        f.path for f in ported.findings if f.code == "NPU902"
    }


def test_what_people_ship_is_found() -> None:
    """One small port with the faults that published ones have, each told once."""
    made = report(
        {
            "train.py": """
            import os
            import tensorflow as tf
            from libs import util
            from npu_bridge.npu_init import *

            def train(loss, feed):
                config = tf.ConfigProto(device_count={"NPU": 1})
                stray = config.graph_options.rewrite_options.custom_optimizers.add()
                custom_op = config.graph_options.rewrite_options.custom_optimizers.add()
                custom_op.name = "NpuOptimizer"
                custom_op.parameter_map["precision_mode"].s = tf.compat.as_bytes(
                    "allow_mix_precision")
                custom_op.parameter_map["graph_run_mode"].i = 0
                custom_op.parameter_map["sump_mode"].s = tf.compat.as_bytes("all")
                config.graph_options.rewrite_options.remapping = RewriterConfig.OFF
                rank = int(os.getenv("RANK_ID"))
                train_op = tf.train.AdamOptimizer(1e-4).minimize(loss)
                util.report(rank)
                with tf.Session(config=config) as sess:
                    for step in range(10):
                        sess.run(train_op, feed_dict=feed)
                        sess.run([train_op, "loss_scale:0"], feed_dict=feed)
            """,
            "libs/__init__.py": "",
            "libs/util.py": "def report(rank):\n    print(image, rank)\n",
            "copy_data.py": "import moxing as mox\nmox.file.copy('a', 'b')\n",
            "requirements.txt": "h5py=='2.9.0'\n",
            "README.md": "| 特性列表 | 是否支持 |\n|--|--|\n| 分布式训练 | 是 |\n",
            "test/train_full_1p.sh": b"",
            "test/train_full_8p.sh": "export RANK_SIZE=8\npython3 train.py\n",
            "test/train_performance_1p.sh": "sed -i 's/45000/500/' train.py\n",
        },
        "5.0.4",
    )
    told = Counter(finding.code for finding in made.findings)
    assert told == Counter(
        "CHK102 CHK103 CHK105 CHK107 CHK108 CHK109 CHK110 CHK201 CHK501 CHK702 CHK703 CHK801 "
        "CHK802 CHK802 CHK803 CHK805".split()
    )


def test_a_check_that_fails_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Check("CHK199", "broken")

    @broken.on_port
    def fail(context: Context):  # type: ignore[no-untyped-def]
        raise ZeroDivisionError("of the check's own")
        yield

    monkeypatch.setattr(run_module, "all_checks", lambda: (*all_checks(), broken))
    made = report("import tensorflow as tf\ntf.ConfigProto(device_count={'NPU': 1})\n")
    assert [f.code for f in made.findings] == ["CHK903", "CHK107"]
    assert "CHK199" in made.findings[0].message
    assert made.failed
    assert ("CHK199", "it failed") in made.skipped
    assert "CHK199" not in made.ran


def test_an_unknown_release_is_the_users_error() -> None:
    with pytest.raises(UsageError, match="unknown CANN release"):
        report("x = 1\n", "8.8")


def test_the_report_is_json_and_the_same_each_time() -> None:
    first, second = (before(PROJECTS[0]) for _ in range(2))
    assert first == second
    values = json.loads(json.dumps(first.as_json()))
    assert {c["what"]: (c["number"], c["of"]) for c in values["counts"]}["checks run"] == (
        len(first.ran),
        len(all_checks()),
    )


def test_an_empty_folder_is_fine() -> None:
    made = report({})
    assert made.findings == ()
    assert not made.failed


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.code)
def test_every_check_has_a_page(check: Check) -> None:
    assert check.page.partition("\n")[0].endswith(".")
    for heading in ("What it finds", "Why", "Example", "Authority"):
        assert heading in check.page, heading
    assert check.code.startswith("CHK") and len(check.code) == 6


def test_codes_and_names_of_checks_are_unique() -> None:
    checks = all_checks()
    assert len({c.code for c in checks}) == len({c.name for c in checks}) == len(checks) > 25
    assert "devices" in GROUPS  # what CHK401 asks


@pytest.mark.mirror
@pytest.mark.skipif(not MIRROR, reason="MIGRATE_MIRROR is not set")
@pytest.mark.parametrize("pin", PINS.values(), ids=PINS)
def test_a_port_of_a_real_upstream_has_no_errors(pin, workspace: Path) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    port = workspace / "ported" / pin.name
    files = read_folder(port)
    made = run_checks(files, cann="7.0", manifest=read_manifest(port))
    assert [f for f in made.findings if f.severity == "error"] == []
    assert not [f for f in made.findings if f.code == "CHK901"]
    assert made.skipped == ()
    done, of = sessions(made)
    assert done == of > 0
    edited = {**files, "train.py": SourceFile("train.py", b"x = 1\n")}
    told = run_checks(edited, cann="7.0", manifest=read_manifest(port)).findings
    assert ("train.py", "CHK901") in {(f.path, f.code) for f in told}
    assert MANIFEST_NAME in files

"""The scripts that a port carries: what is rendered, and what the scripts do when they are run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrate import cli
from migrate.codemods.registry import kit_rules
from migrate.errors import RecipeError, UsageError
from migrate.harness import Harness, Steps, read_harness
from migrate.porting import Port, make_port, rules_digest
from migrate.recipe import Recipe, read_recipe
from migrate.upstream.tree import EXECUTABLE, REGULAR, SourceTree
from migrate.verify.simulation import hub, simulated
from migrate.workspace import DEFAULT_CANN
from tests.test_porting import UPSTREAM, port_of, tree
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
TRAIN = """import argparse
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--max_steps", type=int)
parser.add_argument("--data_dir", default="data")
if __name__ == "__main__":
    args = parser.parse_args()
    tf.train.AdamOptimizer(0.1).minimize(tf.Variable(1.0))
    tf.Session().run(tf.global_variables_initializer())
"""
DISTRIBUTED = TRAIN.replace(
    "import tensorflow as tf", "import horovod.tensorflow as hvd\nimport tensorflow as tf"
)
WRITTEN = [
    *(".gitignore", "Dockerfile", "modelzoo_level.txt", "npu_boot.py", "run.sh", "run_msprof.sh"),
    *("test/env.sh", "test/train_full_1p.sh", "test/train_performance_1p.sh"),
]


def ported(
    files: dict[str, str | bytes],
    templates: Path = TEMPLATES,
    entries: tuple[str, ...] = (),
    **harness: Any,
) -> Port:
    return make_port(
        UPSTREAM,
        SourceTree(tree(files)),
        Recipe(rules=kit_rules(), entries=entries, harness=Harness(**harness)),
        cann=DEFAULT_CANN,
        templates=templates,
    )


def written(port: Port, folder: Path) -> Path:
    for path, file in port.after.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.data)
        place.chmod(file.mode & 0o777)
    return folder


def codes(port: Port) -> list[tuple[str, str, str]]:
    told = [f for f in port.findings if f.code in ("NPU916", "NPU917")]
    return [(f.code, f.severity, f.path) for f in told]


def test_a_project_that_trains_gets_scripts() -> None:
    port = ported({"train.py": TRAIN})
    assert {*WRITTEN} <= port.after.keys()
    assert codes(port) == []
    runtime = [path for path in port.after if path.startswith("npu_runtime/")]
    assert {"npu_runtime/boot.py", "npu_runtime/results.py"} <= {*runtime}
    for path in WRITTEN:
        starts = path.endswith((".sh", ".py")) and path != "test/env.sh"
        assert port.after[path].mode == (EXECUTABLE if starts else REGULAR)
    patches = [name[5:] for name, _ in port.series.patches]
    assert patches.index("scripts.patch") < patches.index("provenance.patch")


def test_only_what_trains_on_several_devices_gets_scripts_for_them() -> None:
    several = {"test/train_full_8p.sh", "test/train_performance_8p.sh"}
    assert not several & ported({"train.py": TRAIN}).after.keys()
    port = ported({"train.py": DISTRIBUTED})
    assert several <= port.after.keys() and codes(port) == []
    assert all(port.after[path].mode == EXECUTABLE for path in several)


@pytest.mark.parametrize(("cann", "says"), [("20.2", ":20.2.0"), ("7.0", "there is no default")])
def test_the_image_has_a_tag_where_one_is_known(cann: str, says: str) -> None:
    port = make_port(
        UPSTREAM,
        SourceTree(tree({"train.py": TRAIN})),
        Recipe(rules=kit_rules()),
        cann=cann,
        templates=TEMPLATES,
    )
    text = port.after["Dockerfile"].data.decode()
    # Whoever builds gives it: an image of another release would only fail later.
    assert "ARG BASE\nFROM ${BASE}\n" in text and says in text
    for name in ("README.md", "README_EN.md"):
        assert ("`20.2.0`" in port.after[name].data.decode()) == (cann == "20.2")


@pytest.mark.tf115
@pytest.mark.parametrize("version", ["1.15.0", "2.6.5"])
def test_an_image_with_another_tensorflow_stops_the_build(version: str, tmp_path: Path) -> None:
    text = ported({"train.py": TRAIN}).after["Dockerfile"].data.decode().replace("\\\n", "")
    command = next(line for line in text.splitlines() if line.startswith("RUN python3 -c "))
    (tmp_path / "tensorflow.py").write_text(f"__version__ = {version!r}\n")
    (tmp_path / "python3").symlink_to(required_tf115().python)
    done = subprocess.run(
        ["/bin/sh", "-c", command.removeprefix("RUN ")],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == (version != "1.15.0")
    assert ("TensorFlow 2.6.5; this port needs 3.7 and 1.15.0" in done.stderr) == done.returncode


def test_two_ports_have_the_same_bytes() -> None:
    assert ported({"train.py": TRAIN}).after == ported({"train.py": TRAIN}).after


MODEL = """import tensorflow as tf

class Model:
    def __init__(self):
        self.weight = tf.Variable(1.0)
    def train(self):
        tf.train.AdamOptimizer(1.0).minimize(self.weight)
"""
USES_MODEL = """import tensorflow as tf
from model import Model

if __name__ == "__main__":
    model = Model()
    {}
    tf.Session()
"""


def test_a_script_that_only_makes_the_same_model_does_not_train() -> None:
    port = ported(
        {
            "model.py": MODEL,
            "a.py": USES_MODEL.format("print(model.weight)"),
            "b.py": USES_MODEL.format("model.train()"),
        }
    )
    assert b'" b.py "' in port.after["run.sh"].data


def test_a_script_may_train_by_what_cannot_be_followed() -> None:
    text = USES_MODEL.format("getattr(model, 'train')()")
    port = ported({"model.py": MODEL, "a.py": text})
    assert b'" a.py "' in port.after["run.sh"].data


def test_without_a_script_to_start_there_are_none() -> None:
    port = ported({"a.py": "import tensorflow as tf\ntf.Session()\n"})
    assert codes(port) == [("NPU916", "note", ".")]
    assert not {*WRITTEN} & {*port.after}


def test_of_several_scripts_that_train_the_recipe_chooses() -> None:
    files: dict[str, str | bytes] = {"a.py": TRAIN, "b.py": TRAIN}
    port = ported(files)
    assert codes(port) == [("NPU916", "warning", ".")]
    assert "a.py, b.py" in next(f.message for f in port.findings if f.code == "NPU916")
    assert not {*WRITTEN} & {*port.after}
    assert b" b.py " in ported(files, entries=("b.py",)).after["run.sh"].data


def test_what_shortens_a_training_is_never_guessed() -> None:
    text = TRAIN.replace("max_steps", "length")
    port = ported({"train.py": text})
    assert codes(port) == [("NPU916", "note", "train.py")]
    assert not [path for path in port.after if "performance" in path]
    port = ported({"train.py": text}, performance=("--epochs", "1"))
    assert b"(--epochs)" in port.after["test/train_performance_1p.sh"].data
    assert b"(--epochs)" not in port.after["test/train_full_1p.sh"].data


def test_a_script_that_trains_only_when_told_to_is_a_warning() -> None:
    text = TRAIN.replace(
        "    tf.train.Adam",
        "    if args.do_train:\n        tf.estimator.Estimator(1).train(1)\n        tf.train.Adam",
    ).replace("if __name__", 'parser.add_argument("--do_train", action="store_true")\nif __name__')
    port = ported({"train.py": text})
    assert codes(port) == [("NPU916", "warning", "train.py")]
    (found,) = (f for f in port.findings if f.code == "NPU916")
    assert found.line == 13
    assert "trains only with --do_train, which test/train_*" in found.message
    assert codes(ported({"train.py": text}, arguments=("--do_train",))) == []


def test_upstreams_files_stay() -> None:
    taken: dict[str, str | bytes] = {
        "run.sh": "own",
        "dockerfile": "own",
        "npu_boot.py/own": "own",
        "test/train_full_1p.sh": "own",
        "modelzoo_level.txt": "FuncStatus:OK\n",
        ".gitignore": b"own\r\nmore",
    }
    port = ported({"train.py": TRAIN, **taken})
    for path in taken.keys() - {".gitignore"}:
        assert port.after[path] == port.before[path]
    assert {"run_npu.sh", "Dockerfile.npu", "npu_modelarts.py"} <= port.after.keys()
    assert port.after["Dockerfile.npu"].data.endswith(b'["./run_npu.sh"]\n')
    assert codes(port) == [
        ("NPU917", "note", "dockerfile"),
        ("NPU917", "note", "npu_boot.py/own"),
        ("NPU917", "note", "run.sh"),
        ("NPU917", "warning", "test/train_full_1p.sh"),
    ]
    ignored = port.after[".gitignore"].data
    assert ignored.startswith(b"own\r\nmore\r\n# Made by")
    assert ignored.count(b"\n") == ignored.count(b"\r\n")


def test_where_test_is_a_file_the_harness_is_left_out() -> None:
    port = ported({"train.py": TRAIN, "test": "a file"})
    assert not [path for path in port.after if path.startswith("test/")]
    assert b". ./npu_env.sh\n" in port.after["run.sh"].data
    assert {severity for _, severity, _ in codes(port)} == {"note", "warning"}


def test_where_every_name_is_taken_there_are_no_scripts() -> None:
    port = ported({"train.py": TRAIN, "run.sh": "own", "run_npu.sh": "own"})
    assert ("NPU917", "warning", "run.sh") in codes(port)
    assert "npu_boot.py" not in port.after and port.after["run.sh"].data == b"own"


def test_a_port_of_a_port_keeps_the_scripts() -> None:
    first = ported({"train.py": TRAIN}, model="One")
    again = make_port(
        UPSTREAM._replace(name="other"),
        SourceTree(dict(first.after)),
        Recipe(rules=kit_rules()),
        cann=DEFAULT_CANN,
        templates=TEMPLATES,
    )
    assert again.after == first.after and codes(again) == []


def test_templates_of_the_workspace_count_before_the_kits(tmp_path: Path) -> None:
    before = rules_digest(tmp_path)
    own = tmp_path / "own" / "test"
    own.mkdir(parents=True)
    (own / "env.sh.j2").write_text("# for {{ network }}\n")
    port = ported({"train.py": TRAIN}, own.parent, model="Net")
    assert port.after["test/env.sh"].data == b"# for Net_for_TensorFlow\n"
    assert port.after["run.sh"] == ported({"train.py": TRAIN}).after["run.sh"]
    assert rules_digest(own.parent) != before


def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    odd = "od d'$(x) `y`\"s.py"
    ports = {
        "plain": ported({"train.py": TRAIN}),
        "tiny_gan": port_of("tiny_gan"),
        "several": ported({"train.py": DISTRIBUTED}),
        "odd": ported(
            {odd: DISTRIBUTED},
            arguments=("a b", "$(date)", "'"),
            loss="'\\s(\\S+)$",
            accuracy="`(.)`",
            flags={"data_path": "$DATA", "train_epochs": ""},
        ),
    }
    scripts = []
    for name, port in ports.items():
        folder = written(port, tmp_path / name)
        scripts += [folder / path for path in port.after if path.endswith(".sh")]
    assert len([script for script in scripts if script.name.endswith("_8p.sh")]) >= 4
    done = subprocess.run([SHELLCHECK, *scripts], capture_output=True, text=True)
    assert done.stdout == ""
    for script in scripts:
        assert subprocess.run(["bash", "-n", script], capture_output=True).stderr == b""


def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    """There is no docker to build with: a base image with CANN is Ascend's to give."""
    folder = written(ported({"train.py": TRAIN}), tmp_path)
    words = [SHELLCHECK.with_name("hadolint"), folder / "Dockerfile"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_levels_are_legal() -> None:
    lines = ported({"train.py": TRAIN}).after["modelzoo_level.txt"].data.decode().splitlines()
    keys = "GPUStatus NPUMigrationStatus FuncStatus PrecisionStatus AutoTune PerfStatus".split()
    assert lines == [f"{key}:NOK" for key in keys]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([], "harness: expected a table"),
        ({"nope": "x"}, "harness.nope: expected one of accuracy, arguments, "),
        ({"model": 1}, "harness.model: expected a text"),
        ({"model": "../x"}, "harness.model: expected letters"),
        ({"arguments": "'"}, "harness.arguments: expected words as in a shell (No closing"),
        ({"loss": "("}, "harness.loss: expected a regular expression ("),
        ({"loss": "loss"}, "harness.loss: expected a pattern with one group"),
        ({"batch_size": "--batch"}, "harness.batch_size: expected a flag without dashes"),
        ({"data_path": "$A B"}, "harness.data_path: expected a flag without dashes"),
        ({"examples": 0}, "harness.examples: expected a whole number of at least 1"),
        ({"epochs": "3"}, "harness.epochs: expected a whole number of at least 1"),
        ({"train_steps": "--steps 5"}, "harness.train_steps: expected words with {steps}, or"),
        ({"train_steps": "--s={step}"}, "harness.train_steps: expected words with {steps}, or"),
        (
            {"train_steps": "--a={steps} --b={examples/2}"},
            "harness.train_steps: expected words with {steps}, or with {examples/1024}",
        ),
    ],
)
def test_what_is_wrong_in_the_harness_table_is_told(table: Any, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_harness(table, "recipe.toml")
    assert str(raised.value).startswith(f"recipe.toml: {message}")


def test_flags_that_the_recipe_names_are_there() -> None:
    with pytest.raises(RecipeError) as raised:
        ported({"train.py": TRAIN}, flags={"batch_size": "size"})
    assert str(raised.value) == (
        "recipe.toml: harness.batch_size: train.py has no flag 'size'\n"
        "  It has: batch, data_dir, epochs, max_steps."
    )
    with pytest.raises(RecipeError, match=r"harness\.train_steps: train\.py has no flag 'length'"):
        ported({"train.py": TRAIN}, steps=Steps(("--epochs", "1", "--length={}")))


# What takes Python's place: it tells what it is started with, and leaves results.py to Python.
STAND_IN = f"""#!/bin/bash
case "$1 $2" in
*results.py* | "-m npu_runtime."*) exec {shlex.quote(sys.executable)} "$@" ;;
-c*) [ -n "$ADAPTER" ] ; exit ;;
esac
[ "$RANK_SIZE" = 1 ] || TOLD=$TOLD.$RANK_ID
printf '%s\\n' "$@" >"$TOLD.words"
env >"$TOLD.env"
pwd >"$TOLD.cwd"
echo 'epoch 1 loss=0.75 right=0.5'
printf 'epoch 2 loss=0.25 right=0.875\\r'
[ -z "$NPU_STEP_LOG" ] || cp "$STEPS" "$NPU_STEP_LOG"
exit "${{CODE:-0}}"
"""
STEPS = """\
{"steps": "d", "count": 10, "seconds_per_step": 1.0, "examples_per_step": 8}
{"steps": "d", "count": 20, "seconds_per_step": 0.01, "examples_per_step": 8}
{"steps": "g", "count": 10, "seconds_per_step": 0.06, "examples_per_step": 8}
{"steps": "g", "cou"""


class Started:
    """A port in a folder, started with a stand-in for Python."""

    def __init__(self, folder: Path, port: Port) -> None:
        self.root = written(port, folder / "a port")
        self.told = folder / "told"
        python = folder / "python"
        python.write_text(STAND_IN)
        python.chmod(0o755)
        (folder / "steps").write_text(STEPS)
        (folder / "data").mkdir()
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHON": str(python),
            "TOLD": str(self.told),
            "STEPS": str(folder / "steps"),
            "ADAPTER": "1",
            "ASCEND_INSTALL_PATH": str(folder / "ascend"),
        }

    def run(self, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", self.root / script, *words],
            env={**self.environment, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )

    @property
    def words(self) -> list[str]:
        return self.told.with_suffix(".words").read_text().splitlines()

    @property
    def env(self) -> dict[str, str]:
        lines = self.told.with_suffix(".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def started(tmp_path: Path) -> Started:
    port = ported(
        {"tr ain.py": TRAIN},
        arguments=("--name", "a $b"),
        loss=r"loss=(\S+)",
        accuracy=r"right=(\S+)",
        model="Net",
    )
    return Started(tmp_path, port)


def test_run_starts_the_script_with_a_persons_arguments(started: Started) -> None:
    done = started.run("run.sh", "--max_steps", "a b", "*")
    assert done.returncode == 0, done.stderr
    assert started.words == ["tr ain.py", "--max_steps", "a b", "*"]
    assert started.told.with_suffix(".cwd").read_text() == f"{started.root}\n"
    env = started.env
    assert [env[n] for n in ("JOB_ID", "RANK_ID", "RANK_SIZE", "ASCEND_DEVICE_ID")] == [
        *("10087", "0", "1", "0")
    ]
    assert env["PYTHONPATH"] == str(started.root)
    assert started.run("run.sh", ASCEND_DEVICE_ID="3", JOB_ID="7", CODE="9").returncode == 9
    assert (started.env["ASCEND_DEVICE_ID"], started.env["JOB_ID"]) == ("3", "7")


def test_without_the_adapter_nothing_starts(started: Started) -> None:
    for script, words in (("run.sh", []), ("test/train_full_1p.sh", ["--data_path=data"])):
        done = started.run(script, *words, ADAPTER="")
        assert done.returncode == 1
        assert "There is no npu_bridge" in done.stderr and "NPU_DEVICE=host" in done.stderr
        assert not started.told.with_suffix(".words").exists()
    assert started.run("run.sh", ADAPTER="", NPU_DEVICE="host").returncode == 0


def test_the_environment_of_cann_is_set_up(started: Started) -> None:
    ascend = started.folder / "ascend"
    for part in ("ascend-toolkit", "tfplugin"):
        (ascend / part).mkdir(parents=True)
        (ascend / part / "set_env.sh").write_text(f"false\nexport SEEN=$SEEN:{part}\n")
    assert started.run("run.sh").returncode == 0
    assert started.env["SEEN"] == ":ascend-toolkit:tfplugin"


def test_the_first_releases_have_no_set_env(started: Started) -> None:
    latest = started.folder / "ascend" / "nnae" / "latest"
    (latest / "fwkacllib").mkdir(parents=True)
    assert started.run("run.sh", LD_LIBRARY_PATH="/own").returncode == 0
    env = started.env
    assert env["ASCEND_OPP_PATH"] == f"{latest}/opp"
    assert env["ASCEND_AICPU_PATH"] == str(latest)
    assert env["LD_LIBRARY_PATH"].startswith(f"{latest}/fwkacllib/lib64:")
    assert env["LD_LIBRARY_PATH"].endswith(":/own")
    assert "tfplugin/python/site-packages" in env["PYTHONPATH"]


def test_a_full_training_writes_what_the_harness_reads(started: Started) -> None:
    done = started.run("test/train_full_1p.sh", "--data_path=data", "--batch_size=8")
    assert done.returncode == 0, done.stderr
    output = started.root / "test" / "output" / "0"
    lines = (output / "Net_for_TensorFlow_bs8_1p_acc.log").read_text().splitlines()
    assert lines[:3] == ["Network = Net_for_TensorFlow", "RankSize = 1", "BatchSize = 8"]
    assert lines[3] == f"DeviceType = {os.uname().machine}"
    assert lines[4:9] == [
        "CaseName = Net_for_TensorFlow_bs8_1p_acc",
        "ActualFPS = 200.00",  # 20 batches of 8 in 20 * 0.01 + 10 * 0.06 seconds
        "TrainingTime = 40.00",
        "TrainAccuracy = 0.875",
        "ActualLoss = 0.25",
    ]
    assert lines[9].startswith("E2ETrainingTime = ") and len(lines) == 10
    losses = output / "train_Net_for_TensorFlow_bs8_1p_acc_loss.txt"
    assert losses.read_text() == "0.75\n0.25\n"
    assert "epoch 1" in (output / "train_0.log").read_text()
    assert "Final Performance images/sec : 200.00\n" in done.stdout
    assert "Final Train Accuracy : 0.875\n" in done.stdout
    data = started.folder / "data"
    assert started.words == ["tr ain.py", "--name", "a $b", f"--data_dir={data}", "--batch=8"]
    assert started.env["NPU_DATA_DIR"] == str(data)
    assert started.env["NPU_OUTPUT_DIR"] == str(output / "ckpt")
    assert started.env["NPU_BATCH_SIZE"] == "8"
    assert started.env["ASCEND_GLOBAL_LOG_LEVEL"] == "3"
    assert started.env["ASCEND_GLOBAL_EVENT_ENABLE"] == "0"
    assert started.told.with_suffix(".cwd").read_text() == f"{started.root}\n"


def test_a_performance_run_is_shortened_by_arguments(started: Started) -> None:
    own = {"ASCEND_DEVICE_ID": "5", "ASCEND_GLOBAL_LOG_LEVEL": "1"}
    done = started.run("test/train_performance_1p.sh", "--data_path=data", **own)
    assert done.returncode == 0, done.stderr
    assert started.env["ASCEND_GLOBAL_LOG_LEVEL"] == "1"
    assert started.words[:4] == ["tr ain.py", "--name", "a $b", "--max_steps=1000"]
    text = (
        started.root / "test" / "output" / "5" / "Net_for_TensorFlow_bs32_1p_perf.log"
    ).read_text()
    assert "TrainAccuracy = None\n" in text and "ActualFPS = 200.00\n" in text
    assert (
        started.run(
            "test/train_performance_1p.sh", "--data_path=data", "--train_steps=20"
        ).returncode
        == 0
    )
    assert started.words[-1] == "--max_steps=20"


NO_EPOCHS = TRAIN.replace('"--epochs"', '"--rounds"')
NO_STEPS = TRAIN.replace('"--max_steps"', '"--length"')


@pytest.mark.parametrize(
    ("text", "table", "given", "expected"),
    [
        # The entry's own flags for both.
        (TRAIN, {}, ["--train_steps=5", "--train_epochs=2"], ["--epochs=2", "--max_steps=5"]),
        # Two epochs of 100 examples in batches of 32 are 7 steps.
        (NO_EPOCHS, {"examples": 100}, ["--train_epochs=2"], ["--max_steps=7"]),
        (NO_EPOCHS, {"examples": 100}, ["--train_epochs=2", "--batch_size=50"], ["--max_steps=4"]),
        (NO_EPOCHS, {"examples": 100, "epochs": 3}, [], ["--max_steps=10"]),
        (NO_EPOCHS, {"examples": 100, "epochs": 3}, ["--train_steps=5"], ["--max_steps=5"]),
        (
            NO_STEPS,
            {"train_steps": "--epochs 1 --length={steps}"},
            ["--train_steps=5"],
            ["--epochs", "1", "--length=5"],
        ),
        (
            NO_STEPS,
            {"train_steps": "--length={examples/64}"},
            ["--train_steps=6"],
            ["--length=3"],
        ),
    ],
)
def test_a_training_has_the_length_that_the_harness_asks_for(
    text: str, table: dict[str, Any], given: list[str], expected: list[str], tmp_path: Path
) -> None:
    recipe = Recipe(rules=kit_rules(), harness=read_harness(table, "recipe.toml"))
    source = SourceTree(tree({"train.py": text}))
    port = make_port(UPSTREAM, source, recipe, cann=DEFAULT_CANN, templates=TEMPLATES)
    started = Started(tmp_path, port)
    done = started.run("test/train_full_1p.sh", "--data_path=data", *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert started.words[-len(expected) :] == expected
    assert subprocess.run([SHELLCHECK, *port_scripts(started)]).returncode == 0


def port_scripts(started: Started) -> list[Path]:
    return [*started.root.glob("*.sh"), *started.root.glob("test/*.sh")]


def test_several_devices_share_the_epochs(tmp_path: Path) -> None:
    text = DISTRIBUTED.replace('"--epochs"', '"--rounds"')
    started = Started(tmp_path, ported({"train.py": text}, examples=1000, epochs=2))

    def steps(rank: int) -> str:
        words = started.told.with_suffix(f".{rank}.words").read_text().splitlines()
        return next(word for word in words if word.startswith("--max_steps="))

    for script, word in (("full", "--max_steps=8"), ("performance", "--max_steps=1000")):
        done = started.run(f"test/train_{script}_8p.sh", "--data_path=data")
        assert done.returncode == 0, done.stderr
        assert steps(0) == steps(7) == word
    done = started.run("test/train_full_8p.sh", "--data_path=data", RANK_SIZE="2")
    assert steps(1) == "--max_steps=32"
    assert "2 epochs of 1000 examples: 32 steps of 64\n" in done.stdout
    assert "(default: 2)" in started.run("test/train_full_8p.sh", "--help").stdout


def test_steps_that_the_entry_cannot_count_are_rounded_up_and_told(tmp_path: Path) -> None:
    table = {"train_steps": "--length={examples/1024}"}
    harness = read_harness(table, "recipe.toml")
    recipe = Recipe(rules=kit_rules(), harness=harness)
    source = SourceTree(tree({"train.py": NO_STEPS}))
    port = make_port(UPSTREAM, source, recipe, cann=DEFAULT_CANN, templates=TEMPLATES)
    started = Started(tmp_path, port)
    done = started.run("test/train_full_1p.sh", "--data_path=data", "--train_steps=33")
    assert started.words[-1] == "--length=2"
    assert done.stderr == ("[Warning] train.py counts 1024 examples as 1: 64 steps instead of 33\n")


@pytest.mark.parametrize(
    ("text", "harness", "given", "message"),
    [
        (NO_EPOCHS, {}, ["--train_epochs=2"], "has no flag for --train_epochs; give --train_steps"),
        (NO_STEPS, {}, ["--train_steps=2"], "has no flag for --train_steps; give --train_epochs"),
        (
            NO_EPOCHS.replace('"--max_steps"', '"--length"'),
            {},
            ["--train_steps=2"],
            "has no flag for --train_steps",
        ),
        (
            NO_EPOCHS,
            {"examples": 100},
            ["--train_steps=2", "--train_epochs=1"],
            "--train_steps and --train_epochs: only one of them",
        ),
        (
            NO_EPOCHS.replace("default=32", "required=True"),
            {"examples": 100},
            ["--train_epochs=1"],
            "--train_epochs asks for --batch_size",
        ),
        (TRAIN, {}, ["--train_steps=many"], "--train_steps=many: expected a whole number"),
        (TRAIN, {}, ["--batch_size=0"], "--batch_size=0: expected a whole number of at least 1"),
    ],
)
def test_a_length_that_is_not_certain_is_refused(
    text: str, harness: dict[str, Any], given: list[str], message: str, tmp_path: Path
) -> None:
    started = Started(tmp_path, ported({"train.py": text}, **harness))
    done = started.run("test/train_full_1p.sh", "--data_path=data", *given)
    assert done.returncode == 1
    assert message in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not started.told.with_suffix(".words").exists()


def test_a_training_does_not_go_on_where_another_ended(started: Started) -> None:
    ours = started.root / "test" / "output" / "0" / "ckpt" / "checkpoint"
    theirs = started.folder / "out" / "checkpoint"
    for old in (ours, theirs):
        old.parent.mkdir(parents=True)
        old.touch()
    for words in ([], ["--output_path=out"]):
        done = started.run("test/train_full_1p.sh", "--data_path=data", *words)
        assert done.returncode == 0, done.stderr
    assert not ours.exists() and ours.parent.is_dir()
    assert theirs.exists()


def test_a_checkpoint_is_found_from_where_the_script_is_started(tmp_path: Path) -> None:
    started = Started(tmp_path, ported({"train.py": TRAIN.replace("--max_steps", "--ckpt_path")}))
    places = {"a/model-1": f"{tmp_path}/a/model-1", "/b": "/b", "obs://c/d": "obs://c/d"}
    for given, expected in places.items():
        done = started.run("test/train_full_1p.sh", "--data_path=data", f"--ckpt_path={given}")
        assert done.returncode == 0, done.stderr
        assert f"--ckpt_path={expected}" in started.words


@pytest.fixture
def several(tmp_path: Path) -> Started:
    """As `started`, of a project that trains on several devices."""
    files: dict[str, str | bytes] = {"tr ain.py": DISTRIBUTED}
    port = ported(files, loss=r"loss=(\S+)", accuracy=r"right=(\S+)", model="Net")
    return Started(tmp_path, port)


def environment_of(started: Started, rank: int) -> dict[str, str]:
    lines = Path(f"{started.told}.{rank}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


NAMES = ("RANK_ID", "RANK_SIZE", "DEVICE_ID", "ASCEND_DEVICE_ID", "JOB_ID")


def test_a_training_on_several_devices_writes_one_result(several: Started) -> None:
    for old in ("train_7.log", "steps_7.jsonl"):
        path = several.root / "test" / "output" / "2" / old
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    done = several.run(
        "test/train_full_8p.sh",
        *("--data_path=data", "--batch_size=8"),
        RANK_SIZE="2",
        ASCEND_DEVICE_ID="2",
        RANK_ID="0",  # of who started it
    )
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        told = environment_of(several, rank)
        device = str(2 + rank)
        assert [told[name] for name in NAMES] == [str(rank), "2", device, device, "10087"]
        words = Path(f"{several.told}.{rank}.words").read_text().splitlines()
        assert words == ["tr ain.py", f"--data_dir={several.folder}/data", "--batch=8"]
        assert told["NPU_OUTPUT_DIR"] == str(several.root / "test" / "output" / "2" / "ckpt")
    output = several.root / "test" / "output" / "2"
    lines = (output / "Net_for_TensorFlow_bs8_2p_acc.log").read_text().splitlines()
    assert lines[1] == "RankSize = 2"
    assert lines[5:9] == [
        "ActualFPS = 400.00",  # twice 200
        "TrainingTime = 40.00",
        "TrainAccuracy = 0.875",
        "ActualLoss = 0.25",
    ]
    assert [path.name for path in sorted(output.glob("train_?.log"))] == [
        *("train_0.log", "train_1.log")
    ]
    assert len(list(output.glob("*_acc.log"))) == 1
    assert "Final Performance images/sec : 400.00\n" in done.stdout


def test_what_one_rank_did_not_measure_is_none(several: Started) -> None:
    done = several.run(
        "test/train_performance_8p.sh", "--data_path=data", RANK_SIZE="2", STEPS="/dev/null"
    )
    assert done.returncode == 0, done.stderr
    assert "Final Performance images/sec : None\n" in done.stdout


def test_each_server_starts_its_own_and_the_first_writes_the_result(several: Started) -> None:
    table = several.folder / "table.json"
    hosts = [f"{name}=192.168.{number}.0" for number, name in enumerate(("one", "two"))]
    assert cli.main(["ranktable", *hosts, "--devices=1", "--to", str(table)]) == 0
    words = ("test/train_full_8p.sh", "--data_path=data")
    known = {"RANK_TABLE_FILE": str(table), "RANK_SIZE": "2"}
    done = several.run(*words, **known, NPU_SERVER="two")
    assert done.returncode == 0, done.stderr
    assert "Rank 0 is on another server, which writes the results." in done.stdout
    assert not list(several.root.glob("test/output/0/*_acc.log"))
    done = several.run(*words, **known, NPU_SERVER="one")
    assert done.returncode == 0, done.stderr
    assert "Final Performance images/sec : 400.00\n" in done.stdout  # this one's, for both
    done = several.run(*words, **{**known, "RANK_SIZE": "8"}, NPU_SERVER="one")
    assert done.returncode == 2
    assert "has 2 ranks, but RANK_SIZE=8; set RANK_SIZE=2" in done.stderr


def test_a_rank_that_dies_is_told(several: Started) -> None:
    done = several.run("test/train_full_8p.sh", "--data_path=data", RANK_SIZE="2", CODE="3")
    assert done.returncode == 3
    assert "ended with exit code 3" in done.stderr
    assert "[Error] the training ended with 3; its logs: " in done.stderr


def test_run_takes_several_devices(several: Started) -> None:
    assert several.run("run.sh", "--max_steps=1").returncode == 0
    assert [several.env[name] for name in NAMES[:2]] == ["0", "1"]
    assert several.run("run.sh", RANK_ID="1", RANK_SIZE="2").returncode == 0
    assert environment_of(several, 1)["RANK_ID"] == "1"
    done = several.run("run.sh", "--max_steps=1", RANK_SIZE="2")
    assert done.returncode == 0, done.stderr
    assert [environment_of(several, rank)["RANK_ID"] for rank in (0, 1)] == ["0", "1"]
    assert done.stdout.startswith("epoch 1 loss=0.75")
    assert (several.root / "npu_logs" / "rank_1.log").exists()


def test_what_was_not_measured_is_none(started: Started) -> None:
    done = started.run("test/train_full_1p.sh", "--data_path=data", STEPS="/dev/null")
    assert done.returncode == 0, done.stderr
    assert "Final Performance images/sec : None\n" in done.stdout


def test_switches_of_the_harness_become_variables(started: Started) -> None:
    words = ("--precision_mode=allow_fp32_to_fp16", "--data_dump_flag=True", "--profiling=True")
    done = started.run("test/train_full_1p.sh", "--data_path=data", *words, "--output_path=out")
    assert done.returncode == 0, done.stderr
    output = started.root / "test" / "output"
    expected = {
        "NPU_PRECISION_MODE": "allow_fp32_to_fp16",
        "NPU_DUMP": "all",
        "NPU_DUMP_STEP": "10",
        "NPU_DUMP_PATH": str(output / "data_dump"),
        "NPU_PROFILING": "1",
        "NPU_PROFILING_OUTPUT": str(output / "profiling"),
        "NPU_OUTPUT_DIR": str(started.folder / "out"),
    }
    assert {name: started.env.get(name) for name in expected} == expected
    done = started.run("test/train_full_1p.sh", "--data_path=data", "--over_dump=True")
    assert started.env["NPU_OVERFLOW_DUMP"] == "all"
    assert started.env["NPU_DUMP_PATH"] == str(output / "overflow_dump")
    assert not {"NPU_PROFILING", "NPU_DUMP", "NPU_PRECISION_MODE"} & started.env.keys()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], 'para "data_path" must be config'),
        (["--data_path="], 'para "data_path" must be config'),
        (["--data_path=nope"], "nope: there is no such folder"),
        (["--data_path=data", "--nope=1"], "--nope=1 is not known; --help lists what is"),
        (["--data_path=data", "--profiling=yes"], "--profiling=yes: expected True or False"),
        (["--data_path=data", "--ckpt_path=x"], "tr ain.py has no flag for --ckpt_path"),
        (
            ["--data_path=data", "--over_dump=True", "--data_dump_flag=True"],
            "--over_dump and --data_dump_flag: only one of them",
        ),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(
    words: list[str], message: str, started: Started
) -> None:
    done = started.run("test/train_full_1p.sh", *words)
    assert (done.returncode, done.stderr) == (1, f"[Error] {message}\n")
    assert not started.told.with_suffix(".words").exists()


def test_a_training_that_fails_is_told(started: Started) -> None:
    done = started.run("test/train_full_1p.sh", "--data_path=data", CODE="3")
    assert done.returncode == 3
    assert "epoch 1 loss=0.75" in done.stderr
    assert "[Error] the training ended with 3" in done.stderr


def test_help_lists_what_the_entry_has(started: Started) -> None:
    text = started.run("test/train_full_1p.sh", "--help").stdout
    assert "--train_steps=N" in text and "--ckpt_path" not in text


MSPROF = """#!/bin/bash
echo "msprof.py $*"
"""


@pytest.mark.parametrize(
    "place",
    [
        "ascend-toolkit/latest/tools/profiler/profiler_tool/analysis/msprof/msprof.py",
        "ascend-toolkit/latest/toolkit/tools/profiler/profiler_tool/analysis/msprof/msprof.pyc",
    ],
)
def test_msprof_is_found_and_exports_every_profile(place: str, started: Started) -> None:
    msprof = started.folder / "ascend" / place
    msprof.parent.mkdir(parents=True)
    msprof.write_text(MSPROF)
    for name in ("PROF_000001_1_A", "PROF_000002_2_B", "other"):
        (started.root / "profiling" / name).mkdir(parents=True)
    done = started.run("run_msprof.sh", "--iteration-id", "5", PYTHON="/bin/bash")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("msprof.py")]
    assert len(lines) == 6 and "other" not in done.stdout
    first = f"{started.root}/profiling/PROF_000001_1_A/"
    assert lines[:3] == [
        f"msprof.py import -dir {first}",
        f"msprof.py export timeline -dir {first} --iteration-id 5",
        f"msprof.py export summary -dir {first} --iteration-id 5",
    ]


def test_the_msprof_command_is_the_last_resort(started: Started) -> None:
    command = started.folder / "bin" / "msprof"
    command.parent.mkdir()
    command.write_text('#!/bin/bash\necho "$@"\n')
    command.chmod(0o755)
    (started.folder / "p" / "PROF_1").mkdir(parents=True)
    path = f"{command.parent}:{os.environ['PATH']}"
    done = started.run("run_msprof.sh", "p/PROF_1", PATH=path)
    assert done.stdout == "== p/PROF_1\n--export=on --output=p/PROF_1\n"


def test_what_msprof_lacks_is_told(started: Started) -> None:
    done = started.run("run_msprof.sh", "data")
    assert done.returncode == 1
    assert done.stderr.startswith("data: there is no PROF_* folder in it; train with")
    (started.folder / "data" / "PROF_1").mkdir()
    done = started.run("run_msprof.sh", "data")
    assert done.returncode == 1 and done.stderr.startswith("There is no msprof")
    assert "NPU_PROFILING=1" in started.run("run_msprof.sh", "--help").stdout


# A training that Python only starts as a module of its package.
LINE = {
    "line/__init__.py": "",
    "line/nets/__init__.py": "",
    "line/nets/slope.py": """import tensorflow as tf


def loss(x):
    slope = tf.get_variable("slope", [], initializer=tf.zeros_initializer())
    return tf.reduce_mean(tf.square(slope * x - 2 * x))
""",
    "line/data.py": """import numpy as np
import tensorflow as tf


def batches(path, size):
    data = tf.data.Dataset.from_tensor_slices(np.load(path))
    return data.shuffle(32).repeat().batch(size, drop_remainder=True)
""",
    "line/main.py": """import argparse
import os

import tensorflow as tf

from . import data
from .nets import slope

parser = argparse.ArgumentParser()
parser.add_argument("--data_dir", default="numbers")
parser.add_argument("--batch_size", type=int, default=8)
parser.add_argument("--max_steps", type=int, default=4)


def main():
    args = parser.parse_args()
    numbers = data.batches(os.path.join(args.data_dir, "x.npy"), args.batch_size)
    loss = slope.loss(numbers.make_one_shot_iterator().get_next())
    train = tf.train.AdamOptimizer(0.1).minimize(loss, tf.train.get_or_create_global_step())
    os.makedirs("runs", exist_ok=True)
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(args.max_steps):
            print("loss %f" % sess.run([loss, train])[0], flush=True)
        saver.save(sess, os.path.join("runs", "model"))


if __name__ == "__main__":
    main()
""",
}


def test_a_module_of_a_package_is_started_as_one(tmp_path: Path) -> None:
    started = Started(tmp_path, ported({**LINE}))
    words = ("-m", "line.main")
    assert started.run("run.sh", "--max_steps", "2").returncode == 0
    assert started.words == [*words, "--max_steps", "2"]
    for script in ("full", "performance"):
        done = started.run(f"test/train_{script}_1p.sh", "--data_path=data")
        assert done.returncode == 0, done.stderr
        assert started.words[:2] == [*words]
        done = started.run(f"test/train_{script}_8p.sh", "--data_path=data", RANK_SIZE="2")
        assert done.returncode == 0, done.stderr
        assert Path(f"{started.told}.1.words").read_text().splitlines()[:2] == [*words]
    assert started.run("run.sh", RANK_SIZE="2").returncode == 0
    assert Path(f"{started.told}.1.words").read_text().splitlines() == [*words]
    assert subprocess.run([SHELLCHECK, *port_scripts(started)]).returncode == 0


def test_the_boot_file_knows_every_entry_that_is_a_module() -> None:
    one = ported({**LINE, "look.py": "print(1)\n"}, entries=("line/main.py", "look.py"))
    text = one.after["npu_boot.py"].data.decode()
    assert "MODULES = {'line/main.py': 'line.main'}\n" in text and "modules=MODULES))" in text
    two = ported({**LINE, "train.py": TRAIN}, entries=("train.py", "line/main.py"))
    assert b"MODULES = {'line/main.py': 'line.main'}\n" in two.after["npu_boot.py"].data
    assert b'" train.py "' in two.after["run.sh"].data
    assert b"MODULES" not in ported({"train.py": TRAIN}).after["npu_boot.py"].data


def test_a_module_of_no_package_cannot_be_started_and_that_is_told() -> None:
    files = {path.removeprefix("line/"): text for path, text in LINE.items()}
    port = ported({**files})
    (found,) = (f for f in port.findings if f.code == "NPU916")
    assert (found.severity, found.path, found.line) == ("warning", "main.py", 6)
    assert "cannot start it" in found.message


@pytest.mark.tf115
def test_a_module_of_a_package_trains_by_the_scripts(tmp_path: Path) -> None:
    folder = written(ported({**LINE}, loss=r"loss (\S+)", model="Line"), tmp_path / "port")
    python = str(required_tf115().python)
    bucket = tmp_path / "obs" / "bkt"
    urls = ("--data_url=obs://bkt/data", "--train_url=obs://bkt/run", f"--cache_dir={tmp_path}/c")
    make = "import numpy; numpy.save('x.npy', numpy.ones(64, 'float32'))"
    with two_devices(tmp_path) as environment:
        data = bucket / "data" / "numbers"
        data.mkdir(parents=True)
        subprocess.run([python, "-c", make], cwd=data, check=True)
        for ranks in ("1", "2"):
            harness = f"test/train_full_{'1' if ranks == '1' else '8'}p.sh"
            for words in (
                ("./run.sh", f"--data_dir={data}", "--max_steps=1"),
                ("bash", harness, f"--data_path={data}", "--train_steps=2"),
                (python, "npu_boot.py", *urls, "--max_steps=1"),
            ):
                done = subprocess.run(
                    words,
                    cwd=folder,
                    env={**environment, "RANK_SIZE": ranks},
                    capture_output=True,
                    text=True,
                )
                assert done.returncode == 0, done.stderr + done.stdout
            log = folder / "test" / "output" / "0" / f"Line_for_TensorFlow_bs8_{ranks}p_acc.log"
            assert "ActualLoss = 3." in log.read_text()
            assert (bucket / "run" / "runs" / "model.index").exists()
            shutil.rmtree(bucket / "run")


def example(folder: Path) -> Path:
    """The bundled example's port, with data in images/."""
    port = make_port(
        UPSTREAM,
        SourceTree(dict(port_of("tiny_gan").before)),
        read_recipe(ROOT / "patches" / "tiny_gan"),
        cann=DEFAULT_CANN,
        templates=TEMPLATES,
    )
    written(port, folder)
    python = str(required_tf115().python)
    words = [python, "-W", "ignore", "-m", "tools.make_images", "--count", "20"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.tf115
def test_the_example_trains_by_its_scripts(tmp_path: Path) -> None:
    folder = example(tmp_path / "port")
    simulate = [sys.executable, "-m", "migrate", "simulate", "--"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NPU_")},
        "NPU_STEP_WARM_UP": "1",
        "PYTHONPATH": str(ROOT),
    }

    def run(*words: str) -> None:
        done = subprocess.run(
            [*simulate, *words], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr + done.stdout

    for kind, script in (("acc", "full"), ("perf", "performance")):
        run(
            *("bash", f"test/train_{script}_1p.sh", "--data_path=images", "--batch_size=8"),
            "--train_steps=4",
        )
        log = folder / "test" / "output" / "0" / f"TinyGAN_for_TensorFlow_bs8_1p_{kind}.log"
        found = dict(line.split(" = ") for line in log.read_text().splitlines())
        assert float(found["ActualFPS"]) > 0 and float(found["TrainingTime"]) > 0
        assert float(found["ActualLoss"]) > 0
    steps = folder / "test" / "output" / "0" / "steps_0.jsonl"
    assert json.loads(steps.read_text().splitlines()[-1])["device"] == "npu"
    run("./run.sh", "--channels", "8", "--batch_size", "8", "--steps", "1")


@contextmanager
def two_devices(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine with two simulated devices, on which nothing was started yet."""
    python = required_tf115().python
    trace, obs = folder / "trace", folder / "obs"
    for place in (trace, obs):
        place.mkdir()
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    with hub(python, 2) as address:
        environment = simulated(
            {"PATH": path, "PYTHON": str(python), "NPU_STEP_WARM_UP": "1"},
            cann=DEFAULT_CANN,
            trace=trace,
            obs=obs,
            ranks=2,
            hub=address,
        )
        for name in ("RANK_ID", "DEVICE_ID", "ASCEND_DEVICE_ID", "RANK_TABLE_FILE"):
            del environment[name]
        yield {**environment, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


@pytest.mark.tf115
def test_the_example_trains_on_two_devices_by_its_scripts(tmp_path: Path) -> None:
    folder = example(tmp_path / "port")
    with two_devices(tmp_path) as environment:

        def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                words, cwd=folder, env={**environment, **more}, capture_output=True, text=True
            )

        options = ("--data_path=images", "--batch_size=8", "--train_steps=4")
        done = run("bash", "test/train_full_8p.sh", *options)
        assert done.returncode == 0, done.stderr + done.stdout
        output = folder / "test" / "output" / "0"
        log = output / "TinyGAN_for_TensorFlow_bs8_2p_acc.log"
        found = dict(line.split(" = ") for line in log.read_text().splitlines())
        assert float(found["ActualFPS"]) > 0 and float(found["ActualLoss"]) > 0
        rates = []
        for rank in (0, 1):
            steps = (output / f"steps_{rank}.jsonl").read_text().splitlines()
            kinds = {line["steps"]: line for line in map(json.loads, steps)}
            seconds = sum(kind["count"] * kind["seconds_per_step"] for kind in kinds.values())
            most = max(kinds.values(), key=lambda kind: kind["count"])
            rates.append(most["count"] * most["examples_per_step"] / seconds)
        assert float(found["ActualFPS"]) == pytest.approx(sum(rates), abs=0.02)
        assert len(list(output.glob("ckpt/events.*"))) == 1  # rank 0's
        assert (output / "ckpt" / "checkpoint").exists()

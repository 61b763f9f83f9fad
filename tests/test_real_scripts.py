"""The scripts of the four ports, and the commands of their READMEs, from the mirror.

The scripts are started as ModelZoo's harness starts them. Of the READMEs every command runs that
needs neither docker nor a profiler, with arguments that a CPU can train with.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate import cli
from migrate.upstream.tree import read_folder
from migrate.verify.smoke import GENERATORS
from tests.test_port_readmes import (
    check_packages,
    check_prose_command,
    commands,
    links,
    prose_commands,
)
from tests.test_run_scripts import two_devices
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[1]
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
SECONDS = 900
EXAMPLES = 24  # so many make an epoch, of whatever data

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not os.environ.get("MIGRATE_MIRROR"), reason="MIGRATE_MIRROR is not set"),
]


@dataclass(frozen=True)
class Small:
    """A training that a CPU can do.

    Args:
        data: the generator of its data, where they go, and its options.
        arguments: in place of the recipe's, of every training.
        options: for ModelZoo's scripts.
        started: what a person gives besides the arguments, in place of those options.
        evaluate: a script and its arguments, without those of a training; $CHECKPOINT and FOLDER
            stand for the last checkpoint, and for where it is.
        measured: what the log must tell besides the speed.
    """

    model: str
    data: tuple[str, ...]
    arguments: str
    options: tuple[str, ...]
    started: str
    evaluate: str
    measured: tuple[str, ...]


_REALMIX = (
    "--dataset=tiny.1@40-8 --custom_dataset=True --label_size=40 --valid_size=8 --filters=2 "
    "--augment=cifar10 --repeat=1 --scales=1"
)
SMALL = {
    "biggan": Small(
        "BigGAN_for_TensorFlow_bs2",
        ("jpeg_folder", "dataset/tiny", "--count=16", "--size=128"),
        "--phase train --dataset tiny --img_size 128 --ch 8 --epoch 1 --iteration 3 --print_freq 1",
        ("--data_path=.", "--batch_size=2", "--train_steps=3"),
        "--batch_size 2",
        "main.py --phase test --dataset tiny --img_size 128 --batch_size 2 --ch 8 --test_num 1",
        ("ActualLoss",),
    ),
    "ssgan": Small(
        "SSGAN_for_TensorFlow_bs4",
        ("hdf5_ids", "datasets/mnist", "--size=28", "--channels=1"),
        "--dataset MNIST --log_step 1 --write_summary_step 2 --test_sample_step 2",
        ("--data_path=.", "--batch_size=4", "--train_epochs=1"),
        "--batch_size 4 --max_training_steps 3 --ckpt_save_step 2",
        "evaler.py --dataset MNIST --batch_size 4 --checkpoint $CHECKPOINT",
        ("ActualLoss", "TrainAccuracy"),
    ),
    "realmix": Small(
        "RealMix_for_TensorFlow_bs128",
        ("ssl_tfrecords", "records", "--labelled=40"),
        f"{_REALMIX} --train_kimg=1 --report_kimg=1 --save_kimg=1",
        ("--data_path=records", "--batch_size=128", "--train_steps=8"),
        "--batch=128 --epochs=1",
        f"realmix.py {_REALMIX} --batch=128 --train_dir=evaluation --eval_ckpt=$CHECKPOINT",
        ("TrainAccuracy",),
    ),
    "vgg19": Small(
        "VGG19_for_TensorFlow_bs2",
        ("slim_tfrecords", "flowers", "--dataset=flowers"),
        "--model_name=vgg_19 --dataset_name=flowers --num_readers=1 --log_every_n_steps=1 "
        "--num_preprocessing_threads=1 --optimizer=sgd --trainable_scopes=vgg_19/fc8",
        ("--data_path=flowers", "--batch_size=2", "--train_epochs=1"),
        "--batch_size=2 --max_number_of_steps=2 --dataset_dir=flowers --train_dir=run",
        "eval_image_classifier.py --model_name=vgg_19 --dataset_name=flowers --dataset_dir=flowers "
        "--dataset_split_name=validation --batch_size=2 --max_num_batches=1 "
        "--checkpoint_path=FOLDER --eval_dir=evaluation",
        ("ActualLoss",),
    ),
}


@pytest.fixture
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A port whose commands train little, with its data."""
    name: str = request.param
    small = SMALL[name]
    recipe = tmp_path / "patches" / name / "recipe.toml"
    shutil.copy(ROOT / "upstream.lock", tmp_path)
    generated = shutil.ignore_patterns("*.patch", "series", "manifest.json", "__pycache__")
    shutil.copytree(ROOT / "patches" / name, recipe.parent, ignore=generated)
    own = r"^(arguments|performance|train|evaluate|epochs) = .*\n"
    text = re.sub(own, "", recipe.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^examples = \d+", f"examples = {EXAMPLES}", text, flags=re.MULTILINE)
    harness = f'[harness]\narguments = "{small.arguments}"\nperformance = ""'
    train = f"{small.arguments} {small.started}"
    readme = f'[readme]\ntrain = "{train}"\nevaluate = "{small.evaluate}"'
    recipe.write_text(text.replace("[harness]", harness).replace("[readme]", readme, 1))
    assert cli.main(["--workspace", str(tmp_path), "port", name]) == 0
    folder = tmp_path / "ported" / name
    make, to, *options = small.data
    python = str(required_tf115().python)
    words = [python, f"{GENERATORS}/{make}.py", "--to", f"{folder}/{to}", *options]
    subprocess.run(words, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", SMALL)
def test_the_readmes_say_what_there_is(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "upstream.lock", tmp_path)
    generated = shutil.ignore_patterns("*.patch", "series", "manifest.json", "__pycache__")
    shutil.copytree(ROOT / "patches" / name, tmp_path / "patches" / name, ignore=generated)
    assert cli.main(["--workspace", str(tmp_path), "port", name]) == 0
    folder = tmp_path / "ported" / name
    files = read_folder(folder)
    for readme in ("README.md", "README_EN.md"):
        text = (folder / readme).read_text("utf-8")
        for line in prose_commands(text):
            check_prose_command(line, files)
        for link in links(text):
            if not link.startswith(("#", "https://")):
                assert (folder / link).is_file(), link
        lint = [sys.executable, "-m", "pymarkdown", "-d", "MD013", "scan", folder / readme]
        assert subprocess.run(lint, capture_output=True).stdout == b""
    check_packages(folder / "requirements.txt")


ports = pytest.mark.parametrize(
    ("port", "small"), [(name, SMALL[name]) for name in SMALL], indirect=["port"], ids=SMALL
)


def run(words: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, " ".join(words) + done.stdout[-5000:] + done.stderr[-5000:]


def on_one_device(words: list[str], folder: Path, **more: str) -> None:
    simulate = [sys.executable, "-m", "migrate", "simulate", "--"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NPU_STEP_WARM_UP": "1", **more}
    run([*simulate, *words], folder, environment)


def on_two_devices(words: list[str], folder: Path, **more: str) -> None:
    place = folder.parent / "two"
    place.mkdir()
    with two_devices(place) as environment:
        run(words, folder, {**environment, "RANK_SIZE": "2", **more})
    shutil.rmtree(place)


def results(port: Path, case: str) -> dict[str, str]:
    log = port / "test" / "output" / "0" / f"{case}.log"
    return dict(line.split(" = ") for line in log.read_text().splitlines())


@ports
def test_the_harness_trains_and_reads_the_results(port: Path, small: Small) -> None:
    scripts = [*port.glob("run*.sh"), *port.glob("test/*.sh")]
    assert len(scripts) == 7
    assert subprocess.run([SHELLCHECK, *scripts], capture_output=True).stdout == b""
    on_one_device(["bash", "test/train_full_1p.sh", *small.options], port)
    found = results(port, f"{small.model}_1p_acc")
    for measured in ("ActualFPS", "TrainingTime", "E2ETrainingTime", *small.measured):
        assert float(found[measured]) >= 0, (measured, found)


@ports
def test_the_harness_trains_on_two_devices(port: Path, small: Small) -> None:
    on_two_devices(["bash", "test/train_full_8p.sh", *small.options], port)
    found = results(port, f"{small.model}_2p_acc")
    for measured in ("ActualFPS", "TrainingTime", "E2ETrainingTime", *small.measured):
        assert float(found[measured]) >= 0, (measured, found)


@ports
def test_every_command_of_the_readme_runs(port: Path, small: Small) -> None:
    table = port / "rank_table.json"
    assert cli.main(["ranktable", "--devices=2", "--to", str(table)]) == 0
    data = small.options[0].partition("=")[2]
    for line in dict.fromkeys(commands((port / "README.md").read_text())):
        if line.startswith("docker") or "msprof" in line:
            continue
        if line.startswith("migrate "):
            workspace = ["--workspace", str(port.parents[1])]
            assert cli.main([*workspace, *shlex.split(line)[1:]]) == 0
            continue
        if line.startswith("bash test/"):
            line = " ".join((line, *small.options[1:]))
        line = line.replace("python3", str(required_tf115().python))
        line = line.replace("obs://bucket/data", data).replace("obs://bucket/output", "copy")
        if "CHECKPOINT" in line or "FOLDER" in line:
            saved = max(port.rglob("*.index"), key=lambda path: path.stat().st_mtime)
            line = line.replace("$CHECKPOINT", str(saved.with_suffix("")))
            line = line.replace("FOLDER", str(saved.parent))
        environment = {"DATA": data, "ML_DATA": str(port / "records")}
        if "RANK_" in line or "_8p" in line:
            line = line.replace("RANK_SIZE=8 ", "")
            on_two_devices(["bash", "-c", line], port, **environment)
        else:
            on_one_device(["bash", "-c", line], port, **environment)

"""The scripts of the four ports, from the mirror, started as ModelZoo's harness starts them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate import cli
from migrate.verify.smoke import GENERATORS
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[1]
SHELLCHECK = Path(sys.executable).parent / "shellcheck"

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not os.environ.get("MIGRATE_MIRROR"), reason="MIGRATE_MIRROR is not set"),
]


@dataclass(frozen=True)
class Small:
    """A training that a CPU can do.

    Args:
        data: the generator of its data, where they go, and its options.
        arguments: in place of the recipe's.
        options: for ModelZoo's script.
        measured: what the log must tell besides the speed.
    """

    model: str
    data: tuple[str, ...]
    arguments: str
    options: tuple[str, ...]
    measured: tuple[str, ...]


SMALL = {
    "biggan": Small(
        "BigGAN_for_TensorFlow_bs2",
        ("jpeg_folder", "dataset/tiny", "--count=16", "--size=128"),
        "--phase train --dataset tiny --img_size 128 --ch 8 --epoch 1 --iteration 3 --print_freq 1",
        ("--data_path=.", "--batch_size=2"),
        ("ActualLoss",),
    ),
    "ssgan": Small(
        "SSGAN_for_TensorFlow_bs4",
        ("hdf5_ids", "datasets/mnist", "--size=28", "--channels=1"),
        "--dataset MNIST --log_step 1 --write_summary_step 2 --test_sample_step 2",
        ("--data_path=.", "--batch_size=4", "--train_steps=4"),
        ("ActualLoss", "TrainAccuracy"),
    ),
    "realmix": Small(
        "RealMix_for_TensorFlow_bs128",
        ("ssl_tfrecords", "records", "--labelled=40"),
        "--dataset=tiny.1@40-8 --custom_dataset=True --label_size=40 --valid_size=8 --filters=2 "
        "--augment=cifar10 --repeat=1 --scales=1 --train_kimg=1 --report_kimg=1 --save_kimg=1",
        ("--data_path=records", "--batch_size=128", "--train_epochs=1"),
        ("TrainAccuracy",),
    ),
    "vgg19": Small(
        "VGG19_for_TensorFlow_bs2",
        ("slim_tfrecords", "flowers", "--dataset=flowers"),
        "--model_name=vgg_19 --dataset_name=flowers --num_readers=1 --log_every_n_steps=1 "
        "--num_preprocessing_threads=1 --optimizer=sgd --trainable_scopes=vgg_19/fc8",
        ("--data_path=flowers", "--batch_size=2", "--train_steps=3"),
        ("ActualLoss",),
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_the_harness_trains_and_reads_the_results(name: str, tmp_path: Path) -> None:
    python = required_tf115().python
    small = SMALL[name]
    recipe = tmp_path / "patches" / name / "recipe.toml"
    shutil.copy(ROOT / "upstream.lock", tmp_path)
    generated = shutil.ignore_patterns("*.patch", "series", "manifest.json", "__pycache__")
    shutil.copytree(ROOT / "patches" / name, recipe.parent, ignore=generated)
    text = re.sub(r"^arguments = .*\n", "", recipe.read_text(), flags=re.MULTILINE)
    recipe.write_text(text.replace("[harness]", f'[harness]\narguments = "{small.arguments}"'))
    assert cli.main(["--workspace", str(tmp_path), "port", name]) == 0
    port = tmp_path / "ported" / name
    scripts = [*port.glob("run*.sh"), *port.glob("test/*.sh")]
    assert len(scripts) == 5
    assert subprocess.run([SHELLCHECK, *scripts], capture_output=True).stdout == b""

    make, to, *options = small.data
    words = [python, GENERATORS / f"{make}.py", "--to", port / to, *options]
    subprocess.run(words, check=True, capture_output=True)
    script = ["bash", "test/train_full_1p.sh", *small.options]
    done = subprocess.run(
        [sys.executable, "-m", "migrate", "simulate", "--", *script],
        cwd=port,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NPU_STEP_WARM_UP": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    log = port / "test" / "output" / "0" / f"{small.model}_1p_acc.log"
    found = dict(line.split(" = ") for line in log.read_text().splitlines())
    for measured in ("ActualFPS", "TrainingTime", "E2ETrainingTime", *small.measured):
        assert float(found[measured]) >= 0, (measured, found)

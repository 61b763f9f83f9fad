"""Ports train with data and outputs in object storage, are killed, and go on.

Through the boot file, on the simulated device: by the OBS SDK against a server that speaks S3, and
by moxing against a folder that stands for OBS.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from migrate import cli
from migrate.verify.simulation import simulated
from migrate.workspace import DEFAULT_CANN
from tests.runtime.storage.s3_server import S3Server
from tests.tf115 import required_tf115
from tests.verify.projects import ROOT, tiny_gan

SECONDS = 600
MAKERS = ROOT / "migrate" / "verify" / "data"
mirror = [
    pytest.mark.mirror,
    pytest.mark.skipif(not os.environ.get("MIGRATE_MIRROR"), reason="MIGRATE_MIRROR is not set"),
]


@dataclass
class Job:
    """A port and its bucket; each call of boot is another machine, with an empty cache.

    Args:
        bucket: the folder in which the bucket's objects are.
        environment: of every process.
    """

    port: Path
    bucket: Path
    environment: Mapping[str, str]
    machines: int = field(default=0)

    def command(self, *arguments: str) -> list[str]:
        self.machines += 1
        return [
            str(required_tf115().python),
            str(self.port / "npu_boot.py"),
            f"--cache_dir={self.port.parent / f'machine{self.machines}'}",
            "--data_url=obs://bkt/data",
            "--train_url=obs://bkt/run",
            "--sync_seconds=0.5",
            *arguments,
        ]

    def boot(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def killed(self, wanted: str, *arguments: str, says: str = "") -> None:
        """Trains until an object arrives whose key matches, then ends all of it at once.

        Args:
            says: what its text must match as well.
        """
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + SECONDS
            while not any(
                re.search(wanted, name) and (not says or re.search(says, self.text(name)))
                for name in self.stored()
            ):
                assert process.poll() is None, process.communicate()[0].decode()
                assert time.monotonic() < deadline, self.stored()
                time.sleep(0.1)
        finally:
            for child in _children(process.pid):
                os.kill(child, signal.SIGKILL)
            process.kill()
            process.communicate()

    def text(self, name: str) -> str:
        """The text of an object, which may be replaced just now."""
        return (self.bucket / name).read_text(errors="replace")

    def stored(self) -> list[str]:
        """The keys of all objects."""
        files = [path for path in self.bucket.rglob("*") if path.is_file()]
        return sorted(path.relative_to(self.bucket).as_posix() for path in files)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


@pytest.fixture(params=["sdk", "moxing"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Job]:
    """A job whose port is still to be written to tmp_path/port."""
    trace = tmp_path / "trace"
    trace.mkdir()
    bucket = tmp_path / "obs" / "bkt"
    bucket.mkdir(parents=True)
    server = S3Server(bucket)
    environment = simulated(
        {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"},
        cann=DEFAULT_CANN,
        trace=trace,
        obs=bucket.parent,
        seed=1,
    )
    if request.param == "sdk":
        without = tmp_path / "without"
        without.mkdir()
        (without / "moxing.py").write_text("raise ImportError('none on this machine')\n")
        environment |= {
            "PYTHONPATH": f"{without}{os.pathsep}{environment['PYTHONPATH']}",
            "OBS_ENDPOINT": server.endpoint,
            "OBS_ACCESS_KEY_ID": "k",
            "OBS_SECRET_ACCESS_KEY": "s",
            "NPU_OBS_PATH_STYLE": "1",
        }
    yield Job(tmp_path / "port", bucket, environment)
    if request.param == "sdk":
        assert server.requests
    else:
        assert not server.requests
    server.close()


def make(kind: str, folder: Path, *options: str) -> None:
    """Makes data as a recipe's smoke runs do."""
    subprocess.run(
        [
            required_tf115().python,
            "-W",
            "ignore",
            MAKERS / f"{kind}.py",
            f"--to={folder}",
            *options,
        ],
        check=True,
        cwd=MAKERS,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


@pytest.mark.tf115
def test_the_example_goes_on_where_it_was_killed(job: Job) -> None:
    tiny_gan(job.port)
    make("jpeg_folder", job.bucket / "data" / "images", "--count=16", "--size=48")
    options = ("--channels=8", "--batch_size=8", "--log_every=1", "--save_every=2")
    job.killed(r"run/run/checkpoint$", *options, "--steps=100000")
    saved = _newest(job, r"run/run/model\.ckpt-(\d+)\.index")
    printed = job.boot(*options, f"--steps={saved + 40}")
    (went_on,) = re.findall(r"continuing from .*model\.ckpt-(\d+)", printed)
    assert int(went_on) > 0
    steps = [int(step) for step in re.findall(r"^step +(\d+)", printed, re.MULTILINE)]
    assert steps[0] == int(went_on) + 1
    assert f"run/run/model.ckpt-{steps[-1]}.index" in job.stored()
    assert not list(job.port.glob("run*/checkpoint"))


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ports of the real upstreams."""
    workspace = tmp_path_factory.mktemp("workspace")
    shutil.copy(ROOT / "upstream.lock", workspace)
    generated = shutil.ignore_patterns("*.patch", "series", "manifest.json", "__pycache__")
    shutil.copytree(ROOT / "patches", workspace / "patches", ignore=generated)
    shutil.copytree(ROOT / "templates", workspace / "templates")
    for name in ("biggan", "ssgan", "realmix", "vgg19"):
        assert cli.main(["--workspace", str(workspace), "port", name]) == 0
    return workspace / "ported"


@pytest.mark.parametrize("name", [pytest.param("biggan", marks=mirror)])
def test_biggan_goes_on_where_it_was_killed(name: str, ports: Path, job: Job) -> None:
    shutil.copytree(ports / name, job.port)
    make("jpeg_folder", job.bucket / "data/dataset/tiny", "--count=16", "--size=128")
    options = (
        "--phase=train --dataset=tiny --img_size=128 --batch_size=2 --ch=8 --print_freq=1"
        " --save_freq=1 --epoch=1"
    ).split()
    job.killed(r"run/checkpoint/.*/checkpoint$", *options, "--iteration=1000")
    saved = _newest(job, r"run/checkpoint/.*\.model-(\d+)\.index")
    printed = job.boot(*options, f"--iteration={saved + 3}")
    assert "Load SUCCESS" in printed
    assert _newest(job, r"run/checkpoint/.*\.model-(\d+)\.index") > saved
    assert any(key.startswith("run/logs/") for key in job.stored())
    assert any(key.startswith("run/samples/") for key in job.stored())


@pytest.mark.parametrize("name", [pytest.param("ssgan", marks=mirror)])
def test_ssgan_goes_on_where_it_was_killed(name: str, ports: Path, job: Job) -> None:
    shutil.copytree(ports / name, job.port)
    make("hdf5_ids", job.bucket / "data/datasets/mnist", "--size=28", "--channels=1")
    options = (
        "--dataset=MNIST --batch_size=4 --log_step=1 --write_summary_step=2 --test_sample_step=2"
        " --output_save_step=2 --ckpt_save_step=1"
    ).split()
    job.killed(r"run/train_dir/.*/checkpoint$", *options, "--max_training_steps=100000")
    first = {key.split("/")[2] for key in job.stored() if key.startswith("run/train_dir/")}
    models = r"run/(train_dir/.*/model-\d+)\.index"
    (model, *_) = [found[1] for key in job.stored() if (found := re.fullmatch(models, key))]
    job.boot(*options, "--max_training_steps=2", f"--checkpoint={model}")
    folders = {key.split("/")[2] for key in job.stored() if key.startswith("run/train_dir/")}
    assert len(folders) == len(first) + 1
    assert not (job.port / "train_dir").exists()


@pytest.mark.parametrize("name", [pytest.param("realmix", marks=mirror)])
def test_realmix_goes_on_where_it_was_killed(name: str, ports: Path, job: Job) -> None:
    """Its data is where ML_DATA says, which nobody sets; --train_dir is a relative place."""
    shutil.copytree(ports / name, job.port)
    make("ssl_tfrecords", job.bucket / "data", "--labelled=40")
    options = (
        "--dataset=tiny.1@40-8 --custom_dataset=True --label_size=40 --valid_size=8"
        " --augment=cifar10 --filters=2 --repeat=1 --scales=1 --batch=128 --report_kimg=1"
        " --save_kimg=1 --epochs=1 --train_dir=mine"
    ).split()
    job.killed(r"run/mine/.*/tf/checkpoint$", *options, "--train_kimg=1000")
    models = r"run/mine/.*/tf/model\.ckpt-(\d+)\.index"
    saved = _newest(job, models)
    job.boot(*options, f"--train_kimg={saved // 1024 + 3}")
    assert _newest(job, models) > saved
    assert not (job.port / "mine").exists()


@pytest.mark.parametrize("name", [pytest.param("vgg19", marks=mirror)])
def test_vgg19_goes_on_where_it_was_killed(name: str, ports: Path, job: Job) -> None:
    """Its checkpoints of half a gigabyte go in parts; nobody gives the two folders."""
    shutil.copytree(ports / name, job.port)
    make("slim_tfrecords", job.bucket / "data", "--dataset=flowers")
    options = (
        "--model_name=vgg_19 --dataset_name=flowers --dataset_split_name=train --batch_size=2"
        " --num_readers=1 --num_preprocessing_threads=1 --log_every_n_steps=1 --optimizer=sgd"
        " --trainable_scopes=vgg_19/fc8 --save_interval_secs=10"
    ).split()
    models = r"run/(?:.*/)?model\.ckpt-(\d+)\.index"
    # TensorFlow saves step 0 as well; `checkpoint` goes last, and names what is there.
    job.killed(r"run/(.*/)?checkpoint$", *options, says=r"^model_.*ckpt-[1-9]")
    saved = _newest(job, models)
    printed = job.boot(*options, f"--max_number_of_steps={saved + 2}")
    restored = [int(step) for step in re.findall(r"Restoring .*model\.ckpt-(\d+)", printed)]
    assert restored and 0 < restored[0] <= saved
    assert _newest(job, models) == saved + 2
    assert not list(job.port.rglob("model.ckpt-*"))


def _newest(job: Job, pattern: str) -> int:
    """The greatest number among the keys that match."""
    found = (re.fullmatch(pattern, key) for key in job.stored())
    return max(int(match[1]) for match in found if match)

"""Fetch TensorFlow 1.x code that nobody here wrote: the corpus of the ecosystem tests.

    python scripts/fetch_ecosystem.py           # fetch what is missing, print what there is
    python scripts/fetch_ecosystem.py --path    # the same, print only the folder

Downloads the wheels in ``tests/ecosystem/packages.txt`` with pip, which checks their hashes, and
unpacks their .py files into ``migrate/ecosystem/<digest of packages.txt>`` in the user's cache
folder, one folder for each package. Nothing is built, imported or run: pip takes only wheels that
are pure Python. The folder appears whole or not at all.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

PACKAGES = Path(__file__).parent.parent / "tests" / "ecosystem" / "packages.txt"
# In the corpus the largest file has 284 kB of code, the largest package 8.2 MB.
MAX_FILE = 4 << 20
MAX_PACKAGE = 64 << 20


class UnsafeArchive(Exception):
    """An archive that no honest build tool made."""


def corpus() -> Path:
    """The folder with the corpus, which is fetched when it is missing."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "migrate"
    folder = base / "ecosystem" / hashlib.sha256(PACKAGES.read_bytes()).hexdigest()[:12]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        download(work / "wheels")
        for wheel in sorted((work / "wheels").glob("*.whl")):
            name, version = wheel.name.split("-")[:2]
            unpack(wheel, work / "corpus" / f"{name}-{version}")
        try:
            (work / "corpus").rename(folder)
        except OSError:
            if not folder.is_dir():  # unless another process was faster
                raise
    finally:
        shutil.rmtree(work)
    return folder


def download(folder: Path) -> None:
    """Have pip fetch the wheels; it fails where a hash is another."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    wheels = ["--only-binary=:all:", "--implementation=py", "--abi=none", "--platform=any"]
    pinned = ["--no-deps", "--require-hashes", f"--requirement={PACKAGES}"]
    subprocess.run(
        [*pip, *wheels, "--python-version=3.7", *pinned, f"--dest={folder}"],
        check=True,
        stdout=sys.stderr,
    )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the .py files of one archive below ``folder``.

    Raises:
        UnsafeArchive: a path leads elsewhere or is no plain file, or the contents are far larger
            than code is.
    """
    with zipfile.ZipFile(archive) as source:
        members = [member for member in source.infolist() if member.filename.endswith(".py")]
        for member in members:
            check(member)
        if sum(member.file_size for member in members) > MAX_PACKAGE:
            raise UnsafeArchive(f"{archive.name}: more than {MAX_PACKAGE:,} bytes of code")
        for member in members:
            path = folder / member.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read(member))


def check(member: zipfile.ZipInfo) -> None:
    """Refuse a member that could be written elsewhere, or that is no plain file of code."""
    name = member.filename
    path = PurePosixPath(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if (
        path.is_absolute()
        or str(path) != name  # "a//b" and "./a"
        or ".." in path.parts
        or not name.isprintable()
        or any(character in name for character in '\\:*?"<>|')
        or kind not in (0, stat.S_IFREG)
        or member.file_size > MAX_FILE
    ):
        raise UnsafeArchive(f"refused: {name!r} ({member.file_size:,} bytes)")


def count(folder: Path) -> tuple[int, int]:
    """(files, lines) below a folder."""
    files = [path for path in folder.rglob("*.py") if path.is_file()]
    return len(files), sum(path.read_bytes().count(b"\n") for path in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--path", action="store_true", help="print only the folder")
    only_path = parser.parse_args().path
    try:
        folder = corpus()
    except (UnsafeArchive, subprocess.CalledProcessError) as error:
        sys.exit(f"fetch_ecosystem: {error}")
    print(folder)
    if only_path:
        return
    for package in (*sorted(folder.iterdir()), folder):
        files, lines = count(package)
        print(
            f"{files:6,} files {lines:9,} lines  {'total' if package == folder else package.name}"
        )


if __name__ == "__main__":
    main()

"""Python 3.7, and the environment with TensorFlow 1.15.0 in which ports and upstreams run.

The environment lives in the user's cache folder, under a name made from its requirements, so that
a change of the requirements makes another. A marker file, written last, says that it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from migrate.errors import MigrateError, UsageError
from migrate.workspace import cache_folder

Progress = Callable[[str], None]

_REQUIREMENTS = Path(__file__).parent / "environment_requirements.txt"
_MARKER = "complete"
_PROBE_SECONDS = 20
_HOW_TO_GET_PYTHON37 = (
    "Install it with one of: pyenv install 3.7.16; conda create -n py37 python=3.7; your"
    " distribution's python3.7 package. One in another place: MIGRATE_PYTHON37=/path/to/python3.7"
)


class Environment(NamedTuple):
    """A finished environment.

    Args:
        root: its folder.
        python: its interpreter, Python 3.7 with TensorFlow 1.15.0.
    """

    root: Path
    python: Path


def find_python37() -> Path | None:
    """Finds a CPython 3.7, starting one process where the first candidate is one.

    The order: MIGRATE_PYTHON37, pyenv's versions, conda's environments, then each python3.7 on
    PATH. A candidate that does not run, such as a pyenv shim with no version selected, is passed
    over.

    Returns:
        The absolute path of the interpreter itself, not of a shim, or None.

    Raises:
        UsageError: MIGRATE_PYTHON37 is set to something else.
    """
    if chosen := os.environ.get("MIGRATE_PYTHON37"):
        if python := _probe(Path(chosen)):
            return python
        raise UsageError(
            f"MIGRATE_PYTHON37={chosen} is not a Python 3.7", advice=_HOW_TO_GET_PYTHON37
        )
    tried = set()
    for candidate in chain(_pyenv(), _conda(), _on_path()):
        if candidate not in tried and os.access(candidate, os.X_OK):
            tried.add(candidate)
            if python := _probe(candidate):
                return python
    return None


def require_python37() -> Path:
    """Finds a CPython 3.7.

    Raises:
        MigrateError: there is none; says how to get one.
    """
    if python := find_python37():
        return python
    raise MigrateError("there is no Python 3.7 on this machine", advice=_HOW_TO_GET_PYTHON37)


def tf115_environment() -> Environment | None:
    """Returns the environment, or None where it was not made, or its Python 3.7 is gone."""
    root = _root()
    environment = Environment(root, root / "bin" / "python")
    whole = (root / _MARKER).is_file() and environment.python.exists()
    return environment if whole else None


def create_environment(progress: Progress) -> Environment:
    """Makes the environment where it is missing, with about 110 MB to download.

    It is made in place, since a virtual environment cannot be moved, under a lock that a dead
    process does not hold. What an earlier, interrupted creation left is removed first.

    Args:
        progress: called with a line of text, without a newline, at each step.

    Raises:
        MigrateError: there is no Python 3.7, or a step failed; says which and what to do.
    """
    with _locked(progress):
        if environment := tf115_environment():
            return environment
        for other in cache_folder().glob("tf115-*"):
            if not (other / _MARKER).is_file():
                shutil.rmtree(other)
        root = _root()
        shutil.rmtree(root, ignore_errors=True)  # It is whole, but its Python 3.7 is gone.
        try:
            return _create(root, require_python37(), progress)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise


def remove_environment() -> list[Path]:
    """Removes every environment that this program made, of earlier requirements too.

    Returns:
        The folders removed.
    """
    with _locked(lambda line: None):
        roots = sorted(cache_folder().glob("tf115-*"))
        for root in roots:
            # Unmarked first: what an interrupted removal leaves does not count as an environment.
            (root / _MARKER).unlink(missing_ok=True)
            shutil.rmtree(root)
        return roots


def parse_with_python37(python: Path, sources: Mapping[str, bytes]) -> dict[str, str]:
    """Parses files with a real Python 3.7, all in one process.

    Args:
        python: a Python 3.7.
        sources: contents by path.

    Returns:
        For each path that does not parse, what is wrong, as ``line 3: invalid syntax``.

    Raises:
        MigrateError: `python` fails.
    """
    errors: dict[str, str] = {}
    rest = list(sources)
    while rest:
        sent = b"".join(b"%d\n%b" % (len(sources[path]), sources[path]) for path in rest)
        done = subprocess.run(
            [python, "-I", "-S", "-W", "ignore", "-c", _PARSER], input=sent, capture_output=True
        )
        answers = done.stdout.decode().splitlines()
        errors |= {path: answer for path, answer in zip(rest, answers, strict=False) if answer}
        rest = rest[len(answers) :]
        if rest and done.returncode >= 0:
            detail = done.stderr.decode(errors="replace").strip()
            raise MigrateError(f"cannot parse with {python}: {detail}")
        if rest:
            # A signal: code nested too deeply can crash this parser. Go on behind that file.
            errors[rest.pop(0)] = "crashes the parser of Python 3.7"
    return errors


# Runs in Python 3.7. Answers with a line per file, empty where it parses. The flag is
# ast.PyCF_ONLY_AST, without the cost of importing ast.
_PARSER = """
import sys
files = sys.stdin.buffer
for size in iter(files.readline, b""):
    try:
        compile(files.read(int(size)), "source", "exec", 0x400, True)
        answer = ""
    except SyntaxError as error:
        answer = "line %s: %s" % (error.lineno or 1, error.msg)
    except Exception as error:
        answer = "line 1: %s" % (str(error) or type(error).__name__)
    sys.stdout.buffer.write(" ".join(answer.split()).encode("utf-8", "replace") + b"\\n")
    sys.stdout.buffer.flush()
"""


def _probe(candidate: Path) -> Path | None:
    """Returns the path of the interpreter that a candidate starts, if that is CPython 3.7."""
    code = "import sys; print(sys.implementation.name, *sys.version_info[:2], sys.executable)"
    try:
        done = subprocess.run(
            [candidate, "-I", "-S", "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    name, _, executable = done.stdout.strip().partition(" 3 7 ")
    return Path(executable).absolute() if done.returncode == 0 and name == "cpython" else None


def _pyenv() -> Iterator[Path]:
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from _newest_first(versions.glob("3.7*/bin/python3.7"))


def _conda() -> Iterator[Path]:
    prefixes = [os.environ.get("CONDA_PREFIX", "")]
    with suppress(OSError):  # Where conda and its relatives list all environments of this user.
        prefixes += (Path.home() / ".conda" / "environments.txt").read_text().splitlines()
    for prefix in filter(None, prefixes):
        yield Path(prefix) / "bin" / "python3.7"


def _on_path() -> Iterator[Path]:
    for folder in os.get_exec_path():
        yield Path(folder or ".").absolute() / "python3.7"


def _newest_first(paths: Iterator[Path]) -> list[Path]:
    """Sorts by the numbers in the paths: 3.7.16 comes before 3.7.9."""
    return sorted(paths, key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))])[::-1]


def _root() -> Path:
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    return cache_folder() / f"tf115-{digest[:12]}"


@contextmanager
def _locked(progress: Progress) -> Iterator[None]:
    """Holds the lock over all environments; the system frees it when a process dies.

    The steps inherit it: a uv that outlives a killed migrate still writes to the folder.
    """
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "tf115.lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Waiting for another migrate that works on the environment")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create(root: Path, python37: Path, progress: Progress) -> Environment:
    environment = Environment(root, root / "bin" / "python")
    variables = dict(os.environ, **_index(python37))
    uv = _uv()
    progress(f"Making an environment with {python37}")
    _run([uv, "venv", "--quiet", "--python", str(python37), str(root)], variables, progress)
    # The few source distributions are built with the pinned setuptools as well.
    install = [uv, "pip", "sync", "--python", str(environment.python), str(_REQUIREMENTS)]
    _run([*install, "--build-constraints", str(_REQUIREMENTS)], variables, progress)
    progress("Starting TensorFlow once")
    check = "import tensorflow; assert tensorflow.__version__ == '1.15.0', tensorflow.__version__"
    _run([str(environment.python), "-I", "-W", "ignore", "-c", check], variables, progress)
    (root / _MARKER).write_text(f"{python37}\n")
    return environment


def _uv() -> str:
    import uv

    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise MigrateError(
            "the program of the package uv is missing",
            advice="Install it again: python -m pip install --force-reinstall uv",
        ) from error


def _index(python37: Path) -> dict[str, str]:
    """Returns the setting that makes uv use pip's package index, which it does not read itself."""
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return {}
    index = os.environ.get("PIP_INDEX_URL")
    if not index:
        command = [str(python37), "-m", "pip", "config", "get", "global.index-url"]
        index = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return {"UV_DEFAULT_INDEX": index} if index else {}


def _run(command: list[str], variables: Mapping[str, str], progress: Progress) -> None:
    """Runs a step, passing on what it prints, and ends it when this process is interrupted."""
    lines = []
    with subprocess.Popen(
        command,
        close_fds=False,  # Keeps the lock, the only file that can be inherited.
        cwd=cache_folder(),  # Not where a pyproject.toml of somebody else's configures uv.
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                progress(lines[-1])
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise MigrateError(
            f"{Path(command[0]).name} failed:\n" + "\n".join(lines[-20:]),
            advice="Packages come from PyPI, or from the index that pip is set to use:"
            " pip config set global.index-url URL",
        )

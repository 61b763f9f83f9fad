from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from migrate import environment
from migrate.environment import (
    create_environment,
    find_python37,
    parse_with_python37,
    remove_environment,
    require_python37,
    tf115_environment,
)
from migrate.errors import MigrateError, UsageError
from tests.tf115 import required_tf115

PYTHON37 = find_python37()


@pytest.fixture(autouse=True)
def machine(request, tmp_path, monkeypatch) -> Path | None:
    """A machine with no Python 3.7, no cache, and no settings of the caller's."""
    if request.node.get_closest_marker("tf115"):
        return None
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_", "CONDA", "PYENV", "MIGRATE_", "XDG_")):
            monkeypatch.delenv(name)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def python(path: Path, version: str = "3 7", name: str = "cpython") -> Path:
    """An interpreter that answers a probe, and notes that it was asked."""
    return script(path, f"echo {path} >> $HOME/asked\necho {name} {version} {path}")


def shim(path: Path) -> Path:
    return script(path, f"echo {path} >> $HOME/asked\necho 'not found in 2 versions' >&2\nexit 127")


def asked(machine: Path) -> list[str]:
    return (machine / "asked").read_text().split()


def test_no_python37_anywhere(machine) -> None:
    assert find_python37() is None
    with pytest.raises(MigrateError, match=r"pyenv install 3\.7\.16"):
        require_python37()


def test_a_direct_interpreter_comes_before_a_shim_and_is_the_only_one_asked(machine) -> None:
    shim(machine / "bin" / "python3.7")
    direct = python(machine / ".pyenv" / "versions" / "3.7.16" / "bin" / "python3.7")
    assert find_python37() == direct
    assert asked(machine) == [str(direct)]


def test_the_newest_of_pyenv(machine, monkeypatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(machine / "elsewhere"))
    for version in ("3.7.9", "3.7.16", "3.7.1", "3.6.15"):
        python(machine / "elsewhere" / "versions" / version / "bin" / "python3.7")
    found = find_python37()
    assert found is not None
    assert "3.7.16" in found.parts
    assert len(asked(machine)) == 1


def test_a_shim_that_fails_is_passed_over(machine, monkeypatch) -> None:
    shim(machine / "shims" / "python3.7")
    good = python(machine / "usr" / "python3.7")
    monkeypatch.setenv("PATH", f"{machine / 'shims'}:{machine / 'usr'}")
    assert find_python37() == good


def test_a_shim_that_works_gives_the_interpreter_behind_it(machine) -> None:
    real = python(machine / "opt" / "python3.7")
    script(machine / "bin" / "python3.7", f'exec {real} "$@"')
    assert find_python37() == real


def test_conda(machine, monkeypatch) -> None:
    listed = python(machine / "conda" / "envs" / "py37" / "bin" / "python3.7")
    environments = machine / ".conda" / "environments.txt"
    environments.parent.mkdir()
    environments.write_text(f"{machine}/gone\n\n{machine}/conda/envs/py37\n")
    assert find_python37() == listed
    active = python(machine / "active" / "bin" / "python3.7")
    monkeypatch.setenv("CONDA_PREFIX", str(machine / "active"))
    assert find_python37() == active


@pytest.mark.parametrize(
    "answer",
    ["echo cpython 3 8 /x", "echo pypy 3 7 /x", "exit 0", "kill -9 $$", "echo cpython 3 7"],
)
def test_other_interpreters_are_passed_over(machine, answer: str) -> None:
    script(machine / "bin" / "python3.7", answer)
    assert find_python37() is None


def test_a_folder_twice_on_path_is_tried_once(machine, monkeypatch) -> None:
    candidate = shim(machine / "bin" / "python3.7")
    monkeypatch.setenv("PATH", f"{candidate.parent}:/absent:{candidate.parent}")
    assert find_python37() is None
    assert asked(machine) == [str(candidate)]


def test_what_cannot_be_run_is_passed_over(machine) -> None:
    (machine / "bin" / "python3.7").write_text("no program")
    assert find_python37() is None
    (machine / "bin" / "python3.7").chmod(0o755)
    assert find_python37() is None


def test_one_that_hangs_is_passed_over(machine, monkeypatch) -> None:
    monkeypatch.setattr(environment, "_PROBE_SECONDS", 0.1)
    script(machine / "bin" / "python3.7", "exec /bin/sleep 60")
    assert find_python37() is None


def test_the_explicit_one_wins(machine, monkeypatch) -> None:
    python(machine / "bin" / "python3.7")
    chosen = python(machine / "mine")
    monkeypatch.setenv("MIGRATE_PYTHON37", str(chosen))
    assert find_python37() == chosen


def test_a_wrong_explicit_one_is_an_error(machine, monkeypatch) -> None:
    python(machine / "bin" / "python3.7")
    monkeypatch.setenv("MIGRATE_PYTHON37", str(machine / "absent"))
    with pytest.raises(UsageError, match=r"absent is not a Python 3\.7"):
        find_python37()


# A uv that notes its index and its arguments, and makes an interpreter that can only exit.
UV = """
echo "$UV_DEFAULT_INDEX" >> $HOME/index
echo "uv $*"
[ "$1" = venv ] || exit 0
for last; do :; done
/bin/mkdir -p "$last/bin"
printf '#!/bin/sh\\nexit 0\\n' > "$last/bin/python"
/bin/chmod +x "$last/bin/python"
"""


@pytest.fixture
def uv(machine, monkeypatch) -> Path:
    python(machine / "bin" / "python3.7")
    program = script(machine / "uv", UV)
    monkeypatch.setattr(environment, "_uv", lambda: str(program))
    return program


def left(machine: Path) -> list[str]:
    return sorted(path.name for path in (machine / ".cache" / "migrate").glob("tf115-*"))


def test_create_show_remove(machine, uv) -> None:
    assert tf115_environment() is None
    lines: list[str] = []
    made = create_environment(lines.append)
    assert tf115_environment() == made
    assert made.root.parent == machine / ".cache" / "migrate"
    assert any("venv" in line for line in lines)
    assert any("sync" in line for line in lines)
    assert remove_environment() == [made.root]
    assert tf115_environment() is None
    assert left(machine) == []
    assert remove_environment() == []


def test_a_second_creation_does_nothing(machine, uv) -> None:
    made = create_environment(print)
    uv.unlink()
    assert create_environment(print) == made


def test_the_cache_folder_follows_xdg(machine, uv, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "caches"))
    assert create_environment(print).root.parent == machine / "caches" / "migrate"


def test_other_requirements_make_another(machine, uv, monkeypatch) -> None:
    first = create_environment(print)
    other = machine / "requirements.txt"
    other.write_text("six==1.16.0\n")
    monkeypatch.setattr(environment, "_REQUIREMENTS", other)
    assert tf115_environment() is None
    second = create_environment(print)
    assert sorted([first.root, second.root]) == remove_environment()


def test_without_its_python_it_is_made_anew(machine, uv) -> None:
    made = create_environment(print)
    made.python.unlink()
    assert tf115_environment() is None
    assert create_environment(print) == made
    assert made.python.exists()


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_a_failed_step_leaves_nothing_and_says_why(machine, uv, step: str) -> None:
    script(uv, f'if [ "$1" = {step} ]; then echo no network >&2; exit 2; fi\n{UV}')
    with pytest.raises(MigrateError, match="no network"):
        create_environment(print)
    assert left(machine) == []


def test_a_tensorflow_that_does_not_start_leaves_nothing(machine, uv) -> None:
    script(uv, UV.replace("exit 0\\n' >", "exit 1\\n' >"))
    with pytest.raises(MigrateError, match="python failed"):
        create_environment(print)
    assert left(machine) == []


def test_an_interrupted_creation_leaves_nothing(machine, uv) -> None:
    def interrupt(line: str) -> None:
        if "sync" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_environment(interrupt)
    assert left(machine) == []


def test_what_a_killed_creation_left_is_removed(machine, uv) -> None:
    whole = create_environment(print)
    for name in ("tf115-000000000000", whole.root.name):
        folder = machine / ".cache" / "migrate" / name
        folder.mkdir(exist_ok=True)
        (folder / "half").write_text("")
    (whole.root / "complete").unlink()
    assert tf115_environment() is None
    assert create_environment(print) == whole
    assert left(machine) == [whole.root.name]
    assert not (whole.root / "half").exists()


def test_without_python37_nothing_is_made(machine, uv) -> None:
    (machine / "bin" / "python3.7").unlink()
    with pytest.raises(MigrateError, match=r"there is no Python 3\.7"):
        create_environment(print)
    assert left(machine) == []


def test_two_at_once_make_one(machine, uv) -> None:
    folder = machine / ".cache" / "migrate"
    folder.mkdir(parents=True)
    waiting = threading.Event()
    with (folder / "tf115.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        creation = threading.Thread(
            target=create_environment, args=[lambda line: waiting.set() if "Waiting" in line else 0]
        )
        creation.start()
        assert waiting.wait(10)
        assert left(machine) == []
    creation.join(10)
    assert len(left(machine)) == 1


def test_a_step_that_outlives_a_killed_creation_holds_the_lock(machine, uv) -> None:
    script(uv, "echo started\nexec /bin/sleep 30")
    code = (
        "import sys, os; from migrate import environment\n"
        "environment._uv = lambda: sys.argv[1]\n"
        "def progress(line):\n"
        "    if line == 'started':\n"
        "        os.kill(os.getpid(), 9)\n"
        "environment.create_environment(progress)\n"
    )
    # A group of its own, so that the sleeping step can be ended.
    with subprocess.Popen([sys.executable, "-c", code, str(uv)], start_new_session=True) as killed:
        assert killed.wait(10) == -9
    with (machine / ".cache" / "migrate" / "tf115.lock").open("w") as lock:
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.killpg(killed.pid, signal.SIGKILL)
        fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, "from-pip-config"),
        ({"PIP_INDEX_URL": "from-pip"}, "from-pip"),
        ({"PIP_INDEX_URL": "from-pip", "UV_DEFAULT_INDEX": "from-uv"}, "from-uv"),
        ({"PIP_INDEX_URL": "from-pip", "UV_INDEX_URL": "from-uv"}, ""),
    ],
)
def test_uv_uses_the_index_of_pip(machine, uv, monkeypatch, settings, expected) -> None:
    interpreter = machine / "bin" / "python3.7"
    script(interpreter, f'[ "$2" = pip ] && echo from-pip-config || echo cpython 3 7 {interpreter}')
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    create_environment(print)
    assert (machine / "index").read_text().split("\n")[:2] == [expected, expected]


def test_every_requirement_is_pinned() -> None:
    lines = environment._REQUIREMENTS.read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert "tensorflow-cpu==1.15.0" in pins
    assert all(line.count("==") == 1 for line in pins)


# With CI=true the assertions below fail instead.
needs_python37 = pytest.mark.skipif(
    PYTHON37 is None and os.environ.get("CI") != "true", reason="there is no Python 3.7"
)


@needs_python37
def test_parse_with_python37() -> None:
    sources = {
        "good.py": b"print(f'{1}')\n",
        "empty.py": b"",
        "walrus.py": b"x = 1\nif (y := x):\n    pass\n",
        "positional.py": b"def f(a, /):\n    pass\n",
        "python2.py": b"print 1\n",
        "nul.py": b"a\0b",
        "not_utf8.py": b"s = '\xe9'\n",
        "latin1.py": b"# -*- coding: latin-1 -*-\ns = '\xe9'\n",
        "gbk.py": b"# coding: gbk\ns = '\xc4\xe3'\n",
        "bom_and_crlf.py": b"\xef\xbb\xbfx = 1\r\n",
        "no_newline.py": b"if 1:\n  x = 1",
        "escape.py": b"'\\d'\n",
        "deep.py": b"(" * 300 + b")" * 300,
        "last.py": b"x = 1\n",
    }
    assert PYTHON37 is not None
    errors = parse_with_python37(PYTHON37, sources)
    assert sorted(errors) == [
        "deep.py", "not_utf8.py", "nul.py", "positional.py", "python2.py", "walrus.py",
    ]  # fmt: skip
    assert errors["walrus.py"] == "line 2: invalid syntax"


@needs_python37
def test_a_file_that_crashes_the_parser_stops_nothing_else() -> None:
    assert PYTHON37 is not None
    sources = {
        "a.py": b"x = 1\n",
        "crash.py": b"x = " + b"+".join([b"1"] * 200_000),
        "b.py": b"x =\n",
    }
    errors = parse_with_python37(PYTHON37, sources)
    assert errors == {
        "crash.py": "crashes the parser of Python 3.7",
        "b.py": "line 1: invalid syntax",
    }


def test_a_parser_that_cannot_start_is_an_error(machine) -> None:
    broken = script(machine / "python", "echo no libraries >&2; exit 1")
    with pytest.raises(MigrateError, match="no libraries"):
        parse_with_python37(broken, {"a.py": b""})


def test_nothing_to_parse_starts_nothing(machine) -> None:
    assert parse_with_python37(machine / "absent", {}) == {}


def test_importing_it_is_cheap() -> None:
    code = "import sys, migrate.environment; print('uv' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_missing_environment_fails_in_ci_and_skips_elsewhere(monkeypatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="migrate env create"):
        required_tf115()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="migrate env create"):
        required_tf115()


@pytest.mark.tf115
def test_the_environment_has_tensorflow_1_15_0() -> None:
    code = "import sys, tensorflow as tf; print(tf.__version__, *sys.version_info[:2])"
    command = [required_tf115().python, "-I", "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "1.15.0 3 7\n"

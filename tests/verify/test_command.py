"""``migrate verify`` and ``migrate simulate`` as a person types them; no TensorFlow is needed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from migrate import cli, environment
from migrate.commands import simulate as simulate_command
from migrate.errors import MigrateError

ROOT = Path(__file__).parents[2]
PYTHON = ["--python", sys.executable]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the bundled example, ported."""
    root = tmp_path_factory.mktemp("workspace")
    for part in ("templates", "examples"):
        shutil.copytree(ROOT / part, root / part)
    (root / "upstream.lock").write_text("# pins\n")
    (root / "patches" / "tiny_gan").mkdir(parents=True)
    recipe = "patches/tiny_gan/recipe.toml"
    shutil.copy(ROOT / recipe, root / recipe)
    assert cli.main(["--workspace", str(root), "demo", "--json"]) == 0
    return root


def verify(workspace: Path, *words: str) -> int:
    port = workspace / "ported" / "tiny_gan"
    return cli.main(["--workspace", str(workspace), "verify", str(port), *words])


def test_static_needs_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(workspace, "--static") == 0
    out = capsys.readouterr().out
    assert "sessions configured 2 of 2" in out
    assert "run             not checked: not asked for (--run)" in out


def test_a_hand_edit_is_found(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "edited"
    shutil.copytree(workspace / "ported" / "tiny_gan", copy)
    text = (copy / "train.py").read_text().replace("npu_session_config(", "(")
    (copy / "train.py").write_text(text)
    words = ["--workspace", str(workspace), "verify", str(copy), "--static"]
    assert cli.main(words) == 1
    assert "CHK101 train.py" in capsys.readouterr().out


def test_json_and_html(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, file = tmp_path / "r.html", tmp_path / "r.json"
    assert verify(workspace, "--static", "--html", str(html), "--json", str(file)) == 0
    capsys.readouterr()
    assert verify(workspace, "--static", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(file.read_text())
    assert printed["name"] == "tiny_gan"
    assert "<h1>tiny_gan" in html.read_text()


def test_without_an_environment_it_says_why(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: object) -> None:
        raise MigrateError("there is no Python 3.7 on this machine", advice="Install it.")

    monkeypatch.setattr(environment, "tf115_environment", lambda: None)
    monkeypatch.setattr(environment, "create_environment", missing)
    assert verify(workspace) == 0
    out = capsys.readouterr().out
    assert "run             not checked: there is no TensorFlow 1.15.0: there is no Python" in out
    assert verify(workspace, "--run") == 1


def test_a_port_made_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # no workspace here
    monkeypatch.delenv("MIGRATE_WORKSPACE", raising=False)
    port = tmp_path / "by_hand"
    port.mkdir()
    (port / "train.py").write_text("import os\nprint(os.environ['NPU_SIMULATOR_CANN'])\n")
    assert cli.main(["verify", str(port), "--static"]) == 0
    assert cli.main(["verify", str(port), "--run", *PYTHON]) == 1
    assert "nothing says what to run" in capsys.readouterr().out
    words = ["--cann", "5.1.RC2", "--", "python", "train.py"]
    assert cli.main(["verify", str(port), "--run", *PYTHON, *words]) == 1
    assert "error CHK955 train.py: command opened no session" in capsys.readouterr().out
    words = ["--", "python", "-c", "raise KeyError('a b')"]
    assert cli.main(["verify", str(port), "--run", *PYTHON, *words]) == 1
    assert "KeyError: 'a b'" in capsys.readouterr().out
    assert cli.main(["verify", str(port), "--parity", *PYTHON, "--", "python", "train.py"]) == 1
    assert "not checked: no manifest says which upstream" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cann", "9.9"], "unknown CANN release '9.9'"),
        (["--ranks", "0"], "--ranks and --steps take a whole number from 1"),
        (["--steps", "-1"], "--ranks and --steps take a whole number from 1"),
        (["--steps", "9", "--", "python", "train.py"], "--steps has no place in the command"),
        (["--parity", "--ranks", "2"], "several ranks cannot be compared"),
        (["--python", "/no/python"], "/no/python: --python is not a program"),
    ],
)
def test_wrong_usage(
    words: list[str], message: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(workspace, *words) == 2
    assert message in capsys.readouterr().err


def test_no_such_port(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(workspace / "nothing")]) == 2
    assert "nothing: there is no such folder" in capsys.readouterr().err


def test_errors_are_json_where_the_report_is(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--workspace", str(workspace), "verify", "nowhere", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["error"]["message"] == "there is no such folder"


def test_the_name_of_a_port(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    assert cli.main(["verify", "tiny_gan", "--static"]) == 2
    told = "tiny_gan: there is no such folder\n  The port of that name is ported/tiny_gan."
    assert told in capsys.readouterr().err
    assert cli.main(["verify", "nothing"]) == 2
    assert "port of that name" not in capsys.readouterr().err


def test_a_report_that_cannot_be_written(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--html", "--json"):
        assert verify(workspace, "--static", option, str(workspace / "no" / "r")) == 2
        said = capsys.readouterr()
        assert "no: there is no such folder to write a report to" in said.err
        assert "verify tiny_gan" not in said.err + said.out  # nothing was begun
    assert verify(workspace, "--static", "--html", str(workspace)) == 1
    assert "cannot write it: Is a directory" in capsys.readouterr().err


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_command, "tf115_environment", lambda: None)
    monkeypatch.setattr(environment, "tf115_environment", lambda: None)


def test_simulate_runs_a_command_where_it_stands(
    no_environment: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINE", "kept")
    code = "import os; print(*(os.environ[n] for n in ('MINE', 'NPU_SIMULATOR_CANN', 'RANK_SIZE')))"
    trace = ["--cann", "6.0.1", "--trace", "trace"]
    assert cli.main(["simulate", *trace, "--", sys.executable, "-c", code]) == 0
    captured = capfd.readouterr()
    assert captured.out == "kept 6.0.1 1\n"
    assert "simulated CANN 6.0.1: 0 processes used TensorFlow" in captured.err
    assert json.loads((tmp_path / "trace" / "rank_table.json").read_text())["status"] == "completed"


def test_simulate_tells_how_the_command_ended(
    no_environment: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", "--", "sh", "-c", "exit 7"]) == 1
    assert "the command ended with exit code 7" in capfd.readouterr().err


def test_simulate_tells_what_the_device_would_refuse(
    no_environment: None, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = json.dumps(
        {"event": "problem", "message": "no", "place": "a.py:1", "severity": "error"}
    )
    line = f"echo '{problem}' > $NPU_SIMULATOR_TRACE/0-1.jsonl"
    assert cli.main(["simulate", "--", "sh", "-c", line]) == 1
    assert "error a.py:1: no" in capfd.readouterr().err


def test_simulate_wants_a_command_and_a_folder_of_its_own(
    no_environment: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate"]) == 2
    assert "say what to run, after --" in capsys.readouterr().err
    assert cli.main(["simulate", "--ranks", "0", "--", "true"]) == 2
    (tmp_path / "0-1.jsonl").write_text("")
    assert cli.main(["simulate", "--trace", str(tmp_path), "--", "true"]) == 2
    assert "already has a trace" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["CHK950", "CHK960", "CHK971"])
def test_what_verify_finds_is_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", code]) == 0
    assert capsys.readouterr().out.startswith(code)

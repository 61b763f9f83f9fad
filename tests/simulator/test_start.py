"""The simulator starts in any Python process, without TensorFlow too, and leaves no mess."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from migrate.simulator.npu_simulator import settings
from tests.simulator.processes import simulate


def test_a_process_that_does_nothing_of_interest_leaves_no_trace(tmp_path: Path) -> None:
    done = simulate("print('hello')", tmp_path)
    assert (done.code, done.out, done.error) == (0, "hello\n", "")
    assert not (tmp_path / "trace").exists()


def test_without_settings_nothing_is_loaded(tmp_path: Path) -> None:
    script = "import sys; print([name for name in sys.modules if name.startswith('npu')])"
    assert simulate(script, tmp_path, NPU_SIMULATOR_TRACE="").out == "[]\n"


def test_another_sitecustomize_still_runs(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import sys\nsys.other = __file__\n")
    done = simulate("import sys; print(sys.other)", tmp_path, PYTHONPATH=str(other))
    assert done.out.strip() == str(other / "sitecustomize.py")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (
            "NPU_SIMULATOR_CANN",
            "9.9",
            "NPU_SIMULATOR_CANN: unknown CANN release '9.9'; known: 20.2",
        ),
        ("NPU_SIMULATOR_SEED", "one", "NPU_SIMULATOR_SEED=one is not an integer"),
        ("RANK_ID", "x", "RANK_ID=x is not an integer"),
    ],
)
def test_a_wrong_setting_stops_the_process(
    tmp_path: Path, name: str, value: str, text: str
) -> None:
    done = simulate("print('ran')", tmp_path, **{name: value})
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(f"npu_simulator: {text}")
    assert len(done.error.splitlines()) == 1


def test_settings() -> None:
    given = settings.read({"NPU_SIMULATOR_CANN": "5.1.RC2", "RANK_ID": "1", "RANK_SIZE": "2"})
    assert (given.cann, given.adapter, given.rank, given.rank_size) == ("5.1.RC2", "r1.9.0", 1, 2)
    assert (given.trace, given.seed, given.obs, given.hub) == (None, None, None, None)
    newest = settings.read({"NPU_SIMULATOR_SEED": "", "RANK_SIZE": ""})
    assert (newest.cann, newest.adapter, newest.seed, newest.rank_size) == (
        "7.0",
        "r1.15.0",
        None,
        1,
    )


def test_events_carry_numbers_exactly(tmp_path: Path) -> None:
    script = """
        from npu_simulator.trace import emit, number
        values = [0.1, 1e-45, float("nan"), float("inf"), -float("inf"), 3, True]
        emit("run", values=[number(value) for value in values])
    """
    done = simulate(script, tmp_path, RANK_ID="3", RANK_SIZE="4", NPU_SIMULATOR_CANN="5.0.1")
    (trace,) = done.traces
    assert [event.kind for event in trace] == ["start", "run", "end"]
    assert trace[1]["values"] == [0.1, 1e-45, "nan", "inf", "-inf", 3, True]
    start = trace[0]
    assert (start["rank"], start["rank_size"], start["argv"]) == (3, 4, ["program.py"])
    assert (start["cann"], start["adapter"], start["tensorflow"]) == ("5.0.1", "r1.3.0", None)
    assert start["cwd"] == str(tmp_path)
    assert (tmp_path / "trace" / f"3-{start['pid']}.jsonl").exists()
    times = [event["time"] for event in trace]
    assert times == sorted(times)
    assert trace[-1]["ok"] is True


@pytest.mark.parametrize(
    ("ending", "ok"),
    [
        ("", True),
        ("sys.exit()", True),
        ("sys.exit(0)", True),
        ("sys.exit(3)", False),
        ("sys.exit('text')", False),
        ("1 / 0", False),
        ("os.kill(os.getpid(), 9)", None),
        ("os._exit(0)", None),
    ],
)
def test_the_end(tmp_path: Path, ending: str, ok: bool | None) -> None:
    script = f"import os, sys\nfrom npu_simulator.trace import emit\nemit('copy')\n{ending}\n"
    done = simulate(script, tmp_path)
    ends = [event["ok"] for event in done.events("end")]
    assert ends == ([] if ok is None else [ok])
    assert len(done.events("copy")) == 1, "what happened before the end must be there"
    assert done.code in {"sys.exit(3)": (3,), "os.kill(os.getpid(), 9)": (-signal.SIGKILL,)}.get(
        ending, (0, 1)
    )


def test_a_fork_has_a_trace_of_its_own(tmp_path: Path) -> None:
    script = """
        import os
        from npu_simulator.trace import emit
        emit("copy", source="parent")
        if os.fork() == 0:
            emit("copy", source="child")
            os._exit(0)
        os.wait()
        if os.fork() == 0:
            os._exit(0)
        os.wait()
    """
    done = simulate(script, tmp_path)
    assert [[event.kind for event in trace] for trace in done.traces] in (
        [["start", "copy", "end"], ["start", "copy"]],
        [["start", "copy"], ["start", "copy", "end"]],
    )
    assert {event["source"] for event in done.events("copy")} == {"parent", "child"}


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    script = """
        import threading
        from npu_simulator.trace import emit
        def work(number):
            for index in range(300):
                emit("run", who=number, text="x" * 500)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """
    assert len(simulate(script, tmp_path).events("run")) == 8 * 300


def test_no_place_for_the_trace(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    script = "from npu_simulator.trace import emit\nemit('copy')\nemit('copy')\nprint('goes on')"
    done = simulate(script, tmp_path, NPU_SIMULATOR_TRACE=str(blocked / "trace"))
    assert (done.code, done.out) == (0, "goes on\n")
    assert done.error.startswith("npu_simulator: the trace ends here: ")
    assert len(done.error.splitlines()) == 1


def test_imports_are_watched_without_being_changed(tmp_path: Path) -> None:
    package = tmp_path / "parcel"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("value = 1\n")
    script = """
        import inspect
        from npu_simulator.imports import after_import
        after_import("parcel.part", lambda module: setattr(module, "value", 2))
        after_import("parcel.part", lambda module: setattr(module, "value", module.value * 10))
        after_import("parcel.absent", lambda module: print("never"))
        import parcel
        from parcel.part import value
        import parcel.part
        after_import("parcel.part", lambda module: print("at once"))
        print(value, parcel.part.__spec__.name, inspect.getsource(parcel.part).strip())
        try:
            import parcel.absent
        except ImportError as error:
            print(error)
    """
    done = simulate(script, tmp_path)
    assert done.out.splitlines() == [
        "at once",
        "20 parcel.part value = 1",
        "No module named 'parcel.absent'",
    ], done.error

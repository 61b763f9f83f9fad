"""Programs that misbehave end as an outcome, and nothing of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from migrate.verify.places import last_words, place_in
from migrate.verify.process import Command, Limits, Outcome, clean_environment, last_lines, run_all
from migrate.verify.smoke import SmokeRun

ROOT = Path(__file__).parents[2]


def run(line: str, folder: Path, *, together: bool = False, **limits: float) -> Outcome:
    return run_many([line], folder, together=together, **limits)[0]


def run_many(
    lines: list[str], folder: Path, *, together: bool = False, **limits: float
) -> list[Outcome]:
    environment = clean_environment(Path(sys.executable), folder, folder)
    commands = [Command(line, folder, environment, folder) for line in lines]
    return run_all(commands, Limits(**limits), together=together)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            return True
        if state == b"Z":  # dead, and only its new parent has not noticed yet
            return True
        time.sleep(0.1)
    return False


def test_a_program_that_ends_well(tmp_path: Path) -> None:
    outcome = run("echo one; echo two >&2", tmp_path)
    assert outcome.ok
    assert outcome.tail == "one\ntwo"
    assert outcome.how == "ended with exit code 0"


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("exit 3", "ended with exit code 3"),
        ("no-such-program", "ended with exit code 127"),
        ("kill -SEGV $$", "was killed by SIGSEGV"),
        ("python -c 'import os; os.abort()'", "was killed by SIGABRT"),
    ],
)
def test_a_crash_is_told_in_words(line: str, how: str, tmp_path: Path) -> None:
    outcome = run(line, tmp_path)
    assert not outcome.ok
    assert outcome.how == how


def test_a_traceback_is_in_the_tail(tmp_path: Path) -> None:
    outcome = run("python -c 'raise SystemError(\"lost\")'", tmp_path)
    assert outcome.tail.endswith("SystemError: lost")


def test_a_hang_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    line = "sleep 1000 & echo $!; trap '' TERM; sleep 1000"
    started = time.monotonic()
    outcome = run(line, tmp_path, seconds=1)
    assert time.monotonic() - started < 30
    assert outcome.how == "was stopped: it ran longer than 1 s"
    assert gone(int(outcome.tail))


def test_what_outlives_its_parent_is_ended_and_holds_nothing_up(tmp_path: Path) -> None:
    started = time.monotonic()
    outcome = run("sleep 1000 & echo $!", tmp_path)
    assert outcome.ok
    assert time.monotonic() - started < 20
    assert gone(int(outcome.tail))


def test_endless_output_is_bounded(tmp_path: Path) -> None:
    outcome = run("yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tmp_path, output=1 << 20)
    assert outcome.stopped == "it printed more than 1 MiB"
    assert len(outcome.tail) < 10_000


def test_one_endless_line_is_bounded(tmp_path: Path) -> None:
    outcome = run("yes | tr -d '\\n'", tmp_path, output=1 << 20)
    assert outcome.stopped
    assert len(outcome.tail) <= 64 << 10


def test_too_much_memory(tmp_path: Path) -> None:
    line = "python -c 'import time; held = b\"x\" * (300 << 20); time.sleep(100)'"
    outcome = run(line, tmp_path, memory=200 << 20, seconds=60)
    assert outcome.stopped == "it used more than 200 MiB of memory"
    assert outcome.memory > 200 << 20


def test_too_many_bytes_on_disk(tmp_path: Path) -> None:
    line = "while :; do head -c 1000000 /dev/zero > $(date +%N); done"
    outcome = run(line, tmp_path, disk=8 << 20, seconds=60)
    assert outcome.stopped == "it wrote more than 8 MiB to disk"


def test_one_file_that_grows_too_large(tmp_path: Path) -> None:
    outcome = run("head -c 100000000 /dev/zero > file", tmp_path, disk=8 << 20, seconds=60)
    assert not outcome.ok
    assert (tmp_path / "file").stat().st_size <= 8 << 20


def test_a_full_disk_is_the_programs_problem(tmp_path: Path) -> None:
    outcome = run('python -c \'open("/dev/full", "w").write("x" * 100000)\'', tmp_path)
    assert not outcome.ok
    assert "No space left on device" in outcome.tail


def test_the_users_tokens_stay_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("https_proxy", "http://user:secret@host")
    monkeypatch.setenv("LANG", "C.UTF-8")
    printed = run("env", tmp_path).tail
    assert "secret" not in printed
    assert "LANG=C.UTF-8" in printed
    assert f"HOME={tmp_path}" in printed


def test_it_has_a_session_of_its_own_and_nothing_to_read(tmp_path: Path) -> None:
    outcome = run("python -c 'import os; print(os.getsid(0), repr(input()))'", tmp_path)
    assert "EOFError" in outcome.tail


def test_programs_run_side_by_side(tmp_path: Path) -> None:
    started = time.monotonic()
    outcomes = run_many(["sleep 1; echo a", "sleep 1; exit 2"], tmp_path)
    assert time.monotonic() - started < 1.9
    assert [outcome.code for outcome in outcomes] == [0, 2]


def test_ranks_end_together(tmp_path: Path) -> None:
    started = time.monotonic()
    lost, waiting = run_many(["exit 1", "sleep 1000"], tmp_path, together=True)
    assert time.monotonic() - started < 30
    assert lost.code == 1
    assert waiting.stopped == "another rank failed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_everything(number: int, tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from migrate.verify.process import Command, Limits, run_all\n"
        "here = Path(sys.argv[1])\n"
        "line = 'sleep 1000 & echo $! > pid; wait'\n"
        "try:\n"
        "    run_all([Command(line, here, {'PATH': '/usr/bin:/bin'}, here)], Limits())\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, script, tmp_path],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        # Jobs in the background ignore SIGINT, and those under nohup SIGHUP; this test may be one.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as process:
        written = tmp_path / "pid"
        for _ in range(200):
            if written.is_file() and written.read_text().strip():
                break
            time.sleep(0.05)
        process.send_signal(number)
        assert process.communicate(timeout=30)[0] == "interrupted\n"
    assert gone(int(written.read_text()))


def test_it_can_be_used_in_a_thread(tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(run("echo yes", tmp_path)))
    thread.start()
    thread.join()
    assert outcomes[0].tail == "yes"


def test_the_tail_is_what_a_person_sees() -> None:
    printed = b"\x1b[31mred\x1b[0m\r\n10%\r50%\r100%\n\n\xff\x00 end\n"
    assert last_lines(printed) == "red\n100%\n\ufffd end"
    assert last_lines(b"".join(b"%d\n" % n for n in range(100))).splitlines()[0] == "75"
    assert last_lines(b"") == ""


STACKS = """
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    main()
  File "/env/lib/python3.7/site-packages/absl/app.py", line 300, in run
    _run_main(main, args)
  File "/env/lib/python3.7/site-packages/absl/app.py", line 251, in _run_main
    sys.exit(main(argv))
  File "train.py", line 7, in main
    session.run(step)
  File "/env/lib/python3.7/site-packages/tensorflow_core/session.py", line 956, in run
  File "/env/lib/python3.7/site-packages/tensorflow_core/session.py", line 1384, in _do_call
    raise type(e)(node_def, op, message)
errors_impl.InvalidArgumentError: 2 root error(s) found.
  (0) Invalid argument: shapes
Original stack trace for 'mul':
  File "train.py", line 3, in <module>
    import model
  File "model.py", line 2, in <module>
    a * b
  File "/env/lib/python3.7/site-packages/tensorflow_core/ops.py", line 1748, in __init__
    self._traceback = tf_stack.extract_stack()
...which was originally created as op 'b', defined at:
  File "/env/lib/python3.7/site-packages/tensorflow_core/ops.py", line 1748, in __init__
    self._traceback = tf_stack.extract_stack()
"""


def test_frames_of_libraries_do_not_drive_out_the_error() -> None:
    shown = """
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    main()
  File "/env/lib/python3.7/site-packages/absl/app.py", line 251, in _run_main
    sys.exit(main(argv))
  File "train.py", line 7, in main
    session.run(step)
  File "/env/lib/python3.7/site-packages/tensorflow_core/session.py", line 1384, in _do_call
    raise type(e)(node_def, op, message)
errors_impl.InvalidArgumentError: 2 root error(s) found.
  (0) Invalid argument: shapes
Original stack trace for 'mul':
  File "model.py", line 2, in <module>
    a * b
...which was originally created as op 'b', defined at:
"""
    assert last_lines(STACKS.encode()) == shown.strip()
    run = SmokeRun("train", "python train.py", frozenset())
    assert place_in(shown, run) == ("model.py", 2)
    assert last_words(shown).endswith("2 root error(s) found. (0) Invalid argument: shapes")


OWN = """
Traceback (most recent call last):
  File "train.py", line 14, in <module>
    main()
  File "train.py", line 12, in main
    raise Diverged("the loss\\nis no number")
losses.Diverged: the loss
is no number
"""
THREADS = """
ERROR:tensorflow:Exception in QueueRunner: Enqueue operation was cancelled
\t [[node enqueue (defined at data.py:3) ]]

Original stack trace for 'enqueue':
  File "data.py", line 3, in <module>
    npu_shard(read)

Exception in thread QueueRunnerThread-fifo_queue-enqueue:
Traceback (most recent call last):
  File "/env/lib/python3.7/site-packages/tensorflow_core/session.py", line 1365, in _do_call
    return fn(*args)
errors_impl.CancelledError: Run call was cancelled

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/usr/lib/python3.7/threading.py", line 926, in _bootstrap_inner
    self.run()
errors_impl.CancelledError: Run call was cancelled

"""
CAUGHT = OWN.replace("<module>", "read_or_skip")


def test_threads_that_end_with_the_program_do_not_drive_out_its_error() -> None:
    run = SmokeRun("train", "python train.py", frozenset())
    tail = last_lines((OWN + THREADS * 9).encode())
    assert tail == OWN.strip()
    assert place_in(tail, run) == ("train.py", 12)
    ignored = (
        "Exception ignored in: <function __del__ at 0x7f>\nTraceback (most recent call last):\n"
    )
    assert last_lines((OWN + ignored).encode()) == OWN.strip()


@pytest.mark.parametrize("printed", [THREADS, CAUGHT + "step 1\n" + THREADS, THREADS + OWN])
def test_threads_are_heard_where_nothing_else_ended_the_program(printed: str) -> None:
    """Also after an error that the program caught and printed; and before the one that ends it."""
    tail = last_lines(printed.encode())
    assert "Exception in thread" in tail
    assert tail.splitlines()[-1] == [line for line in printed.splitlines() if line][-1]

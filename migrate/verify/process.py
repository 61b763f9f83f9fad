"""Runs programs that nobody trusts: in sessions of their own, with limits, killed as a group.

What a program prints is read without end and kept only in its last lines. Whatever it does, crash,
hang, fill the memory or the disk, ends as an `Outcome`, never as an exception.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_TAIL_BYTES = 64 << 10
_TAIL_LINES = 25
_POLL = 0.1
_WATCH = 1.0  # seconds between two looks at memory and disk, which cost more than a poll
_ANOTHER = "another rank failed"
_GRACE = 3.0  # seconds between asking a group to end and killing it

# What a program needs to start, and to speak the user's language. All else stays here: tokens,
# passwords in proxies' addresses, and whatever would make one machine's run differ from another's.
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "SYSTEMROOT")
_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_FRAME = re.compile(r'  File "[^"]+", line \d+')
_LIBRARY = re.compile(r"/(site|dist)-packages/|/lib/python\d|/npu_simulator/|<frozen ")
# What TensorFlow prints above the stack in which an operator was made.
_MADE = re.compile(r"^Original stack trace for |, defined at:$")
_TRACEBACK = "Traceback (most recent call last):"
# The outermost frame of the program's own thread; another thread's is threading's.
_OUTERMOST = re.compile(r'  File "[^"]+", line \d+, in (<module>|_run_module_as_main)$')
# What is said by threads and objects that end with the program.
_AFTERWORD = re.compile(
    r"Exception in thread .+:$|Exception ignored in|Error in atexit\b"
    r"|.*\bException in QueueRunner: "
)


@dataclass(frozen=True)
class Limits:
    """What a program may use; whoever exceeds it is stopped.

    Args:
        seconds: of wall time.
        memory: bytes of resident memory, of all processes of its session together; looked at once
            a second, and only where there is /proc.
        disk: bytes in the folder that it may fill.
        output: bytes printed.
    """

    seconds: float = 1800.0
    memory: int = 8 << 30
    disk: int = 16 << 30
    output: int = 256 << 20


@dataclass(frozen=True)
class Command:
    """One program to run.

    Args:
        line: a line for the shell.
        cwd: the folder in which it starts.
        environment: all of its environment.
        fills: the folder that it may fill, whose size is limited.
    """

    line: str
    cwd: Path
    environment: Mapping[str, str]
    fills: Path


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    Args:
        line: what was run.
        code: its exit code; None where it was stopped.
        stopped: why it was stopped, or empty.
        seconds: wall time.
        memory: the most resident memory seen, in bytes; 0 where that cannot be seen.
        tail: the last lines that it printed, stacks without most frames of libraries.
    """

    line: str
    code: int | None
    stopped: str
    seconds: float
    memory: int
    tail: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def killed(self) -> str:
        """The signal that killed it, or empty."""
        code = self.code or 0
        number = -code if code < 0 else code - 128
        if 0 < number < 65:
            with suppress(ValueError):
                return signal.Signals(number).name
        return ""

    @property
    def how(self) -> str:
        """How it ended, in words."""
        if self.code is None:
            return f"was stopped: {self.stopped}"
        if self.killed:
            return f"was killed by {self.killed}"
        return f"ended with exit code {self.code}"


def clean_environment(python: Path, home: Path, temporary: Path) -> dict[str, str]:
    """The environment of a program that gets nothing of the user's but the language.

    Args:
        python: the interpreter that the word ``python`` starts.
        home: an empty folder, its HOME.
        temporary: an empty folder for its temporary files.
    """
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "PATH": os.pathsep.join((str(python.parent), *_PATH)),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "Agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def run_all(
    commands: Sequence[Command],
    limits: Limits | None,
    *,
    together: bool = False,
    shown: bool = False,
) -> list[Outcome]:
    """Runs programs side by side, to the end of the last one.

    Args:
        commands: the programs.
        limits: of each program; None for none.
        together: whether all are stopped once one has failed, as ranks are that wait for it.
        shown: whether they print to where this process prints, instead of into the tail.

    Returns:
        How each ended, in order.

    Raises:
        KeyboardInterrupt: by Ctrl-C, SIGTERM or SIGHUP, after all were killed.
    """
    running: list[_Running] = []
    with _interrupts() as interrupts:
        try:
            for command in commands:
                running.append(_Running(command, limits, shown))
            while alive := [program for program in running if program.alive()]:
                if interrupts:
                    raise KeyboardInterrupt
                if together and any(p.failed for p in running if p not in alive):
                    for program in alive:
                        program.end_soon(_ANOTHER)
                time.sleep(_POLL)
            if interrupts:
                raise KeyboardInterrupt
        finally:
            for program in running:
                program.kill()
    return [program.outcome() for program in running]


def first_failed(outcomes: Sequence[Outcome]) -> int | None:
    """Which of several ranks failed before the others did, or made them fail; None if none did.

    A rank that waits for one that was killed fails as well, and what was stopped since another
    failed says nothing of itself.
    """
    bad = [number for number, outcome in enumerate(outcomes) if not outcome.ok]

    def order(number: int) -> tuple[bool, bool, float]:
        outcome = outcomes[number]
        return outcome.stopped == _ANOTHER, not outcome.killed, outcome.seconds

    return min(bad, key=order, default=None)


class _Running:
    def __init__(self, command: Command, limits: Limits | None, shown: bool) -> None:
        self._command = command
        self._limits = limits
        self._tail = b""
        self._printed = 0
        self._memory = 0
        self._stopped = ""
        self._started = self._watched = time.monotonic()
        self._ended: float | None = None
        self._end_at: tuple[float, str] | None = None
        # By the shell, so that the limits hold from the program's first instruction.
        bounds = f"ulimit -c 0; ulimit -f {limits.disk // 512}; " if limits else ""
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", bounds + command.line],
            cwd=command.cwd,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def failed(self) -> bool:
        return bool(self._stopped) or self._process.returncode != 0

    def alive(self) -> bool:
        """Whether it still runs; ends it where it exceeds a limit, and what it leaves behind."""
        if self._ended is None:
            self._stopped = "" if self._exited() else self._excess()
            if self._stopped or self._exited():
                self.kill()
        return self._ended is None

    def end_soon(self, why: str) -> None:
        """Stops it after a moment, in which it may end by itself and say more."""
        if self._end_at is None:
            self._end_at = time.monotonic() + _GRACE, why

    def kill(self) -> None:
        """Ends its whole group, whatever of it is still there."""
        if self._ended is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            # Not waited for yet, so its number still stands for this group and no other.
            if not self._exited():
                os.killpg(self._process.pid, signal.SIGTERM)
                asked = time.monotonic()
                while not self._exited() and time.monotonic() - asked < _GRACE:
                    time.sleep(_POLL)
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._ended = time.monotonic()

    def _exited(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def outcome(self) -> Outcome:
        # One that left its session may still hold the pipe; it is not waited for.
        self._reader.join(_GRACE)
        return Outcome(
            self._command.line,
            None if self._stopped else self._process.returncode,
            self._stopped,
            (self._ended or time.monotonic()) - self._started,
            self._memory,
            last_lines(self._tail),
        )

    def _read(self) -> None:
        if self._process.stdout is not None:
            while data := os.read(self._process.stdout.fileno(), 1 << 16):
                self._printed += len(data)
                self._tail = (self._tail + data)[-_TAIL_BYTES:]

    def _excess(self) -> str:
        now = time.monotonic()
        if self._end_at and now > self._end_at[0]:
            return self._end_at[1]
        limits = self._limits
        if limits is None:
            return ""
        if now - self._started > limits.seconds:
            return f"it ran longer than {limits.seconds:.0f} s"
        if self._printed > limits.output:
            return f"it printed more than {_size(limits.output)}"
        if now - self._watched < _WATCH:
            return ""
        self._watched = now
        memory = _session_memory(self._process.pid)
        self._memory = max(self._memory, memory)
        if memory > limits.memory:
            return f"it used more than {_size(limits.memory)} of memory"
        if folder_size(self._command.fills) > limits.disk:
            return f"it wrote more than {_size(limits.disk)} to disk"
        return ""


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Notes the signals that ask this process to end, in the list that it yields.

    Raised as exceptions they could come while a program is being started, which would then be
    known to nobody.
    """
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield noted  # Python delivers signals to the main thread only
        return
    asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # What is ignored, as under nohup, stays so.
    numbers = [number for number in asked if signal.getsignal(number) is not signal.SIG_IGN]
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield noted
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _session_memory(session: int) -> int:
    """The resident memory of a session's processes in bytes."""
    total = 0
    for entry in os.scandir("/proc") if Path("/proc/self/stat").exists() else ():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):  # it may have just ended
                # After the name, which may hold anything: state, parent, group, session, ...
                fields = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()
                if int(fields[3]) == session:
                    total += int(fields[21])
    return total * os.sysconf("SC_PAGE_SIZE")


def folder_size(folder: Path) -> int:
    """The bytes of the files below a folder, while others may write and delete there."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).lstat().st_size
    return total


def last_lines(printed: bytes) -> str:
    """The last lines of what a program printed, as a person sees them."""
    text = printed.decode("utf-8", "replace").replace("\r\n", "\n")
    # A progress bar draws over itself: what counts is its last state.
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    shown = [_ESCAPES.sub("", line).rstrip() for line in lines]
    kept = _without_afterword([line for line in shown if line])
    return "\n".join(_with_short_stacks(kept)[-_TAIL_LINES:])


def _without_afterword(lines: list[str]) -> list[str]:
    """Leaves out what others say once the program's own thread has told what ended it.

    A session that is closed cancels what its queue runners do, and they complain at length.
    """
    told = [
        n for n, line in enumerate(lines[1:]) if lines[n] == _TRACEBACK and _OUTERMOST.match(line)
    ]
    rest = range(told[-1] + 1 if told else len(lines), len(lines))
    others = [n for n in rest if _AFTERWORD.match(lines[n])]
    error = next((n for n in rest if lines[n][0] != " " and n not in others), len(lines))
    return lines[: next((n for n in others if n > error), len(lines))]


def _with_short_stacks(lines: list[str]) -> list[str]:
    """Leaves out frames of libraries, which would drive the error itself out of the last lines.

    Of those that follow on one another the innermost stays. Where an operator of TensorFlow was
    made, all that stays is the innermost frame outside of libraries.
    """
    result: list[str] = []
    frames: list[list[str]] = []
    made = False
    for line in [*lines, ""]:
        if _FRAME.match(line):
            frames.append([line])
        elif frames and line.startswith("    "):  # the line of code
            frames[-1].append(line)
        else:
            result += [part for frame in _told(frames, made) for part in frame]
            frames, made = [], bool(_MADE.search(line))
            result.append(line)
    return result[:-1]


def _told(frames: list[list[str]], made: bool) -> list[list[str]]:
    ours = [not _LIBRARY.search(frame[0]) for frame in frames]
    if made:
        return [frame for frame, own in zip(frames, ours, strict=True) if own][-1:]
    # Each of ours, and what is the last of libraries' before one of ours or the end.
    return [frame for n, frame in enumerate(frames) if ours[n] or all(ours[n + 1 : n + 2])]


def shell_line(words: Sequence[str]) -> str:
    """The shell line that runs a command of these words."""
    return shlex.join(words)


def _size(count: int) -> str:
    return f"{count / (1 << 30):.3g} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.3g} MiB"

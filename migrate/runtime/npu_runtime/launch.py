"""Starts one process for each device of this server, and ends all of them when one dies.

If this process is killed itself, the kernel kills them.

    python -m npu_runtime.launch [--log FILE] -- COMMAND ...

Which devices train, and as which ranks, the rank table says that RANK_TABLE_FILE names, a file or
ModelArts' folder; of a table with several servers this server's part is started. Without a table
RANK_SIZE devices of this server train, from number ASCEND_DEVICE_ID on.

Each process gets RANK_ID, RANK_SIZE, DEVICE_ID, ASCEND_DEVICE_ID, JOB_ID and RANK_TABLE_FILE, its
even share of the cores, and a log of its own. What the first one prints is shown as well. In
NPU_STEP_LOG, {rank} stands for the number of a rank; without it only rank 0 has a step log.

Standard library only.
"""

import argparse
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

from . import places, rank_tables, settings

LOG = os.path.join("npu_logs", "rank_{rank}.log")
GRACE = 20  # seconds that a rank has to end once it is told to; less than boot.py gives
_WAIT = 600  # seconds for ModelArts to complete the rank table
_PAUSE = 0.1  # seconds between two looks at the ranks
_TAIL = 20  # lines of the log of a rank that died
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_USAGE = 2
_SET_PDEATHSIG = 1  # of prctl (linux/prctl.h)


def main(argv=None):
    """The launcher's main function.

    Args:
        argv: the arguments; None means the command line's.

    Returns:
        0 where every rank ended with 0; the code of the rank that died, or 128 and the number of
        the signal that ended it or this process; 2 where the rank table or the options are wrong.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    split = words.index("--") if "--" in words else len(words)
    command = words[split + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m npu_runtime.launch",
        usage="%(prog)s [--log FILE] -- COMMAND ...",
        description="Starts one process for each device of this server.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--log",
        default=places.output_path(LOG),
        help="the log of each rank, with {rank} in its name (default: %(default)s)",
    )
    options = parser.parse_args(words[:split])
    if not command or "{rank}" not in options.log:
        parser.error("--log needs {rank}" if command else "say what to start, after --")
    try:
        ranks, own = plan()
        table = _table(ranks, os.path.dirname(os.path.abspath(options.log)))
        return _Job(command, own, len(ranks), table, options.log).run()
    except (ValueError, OSError) as error:
        print("npu_launch: %s" % error, file=sys.stderr)
        return _USAGE


def is_wanted():
    """Whether several processes are to be started, as this one is none of several."""
    several = settings.value("RANK_SIZE") != "1" or settings.is_set("RANK_TABLE_FILE")
    return several and not settings.is_set("RANK_ID")


def plan():
    """Which ranks train, and which of them on this server.

    Returns:
        Both as lists of rank_tables.Rank.

    Raises:
        ValueError: the rank table is missing, wrong, or has another number of ranks.
    """
    given = settings.value("RANK_SIZE") if settings.is_set("RANK_SIZE") else ""
    if given and not (given.isdecimal() and int(given)):
        raise ValueError("RANK_SIZE=%s: set it to the number of processes, at least 1" % given)
    count = int(given or 0)
    path = settings.value("RANK_TABLE_FILE")
    if not path:
        ranks = _of_one_server(count)
    else:
        ranks = complete_table(path)
        if count and len(ranks) != count:
            raise ValueError(
                "RANK_TABLE_FILE=%s has %d ranks, but RANK_SIZE=%d; set RANK_SIZE=%d, or take"
                " another rank table" % (path, len(ranks), count, len(ranks))
            )
    return ranks, of_this_server(ranks)


def _table(ranks, folder):
    """The path of a rank table of template 1 for the processes, written where there is none."""
    given = settings.value("RANK_TABLE_FILE")
    if given and not ranks[0].pod:
        return os.path.abspath(rank_tables.file_of(given))
    path = os.path.join(folder, "rank_table.json")
    os.makedirs(folder, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(rank_tables.template1(ranks), file, indent=2)
        file.write("\n")
    return path


def complete_table(path):
    """The ranks of a table, once ModelArts has completed it.

    Args:
        path: as RANK_TABLE_FILE names it.

    Raises:
        ValueError: it is wrong, or is not completed in time.
    """
    last = time.monotonic() + _WAIT
    waits = False
    while time.monotonic() < last:
        status = rank_tables.load(path).status
        if status in ("", rank_tables.COMPLETED):
            break
        if not waits:
            _say("%s is %s: waiting until it is completed" % (rank_tables.file_of(path), status))
        waits = True
        time.sleep(1)
    return rank_tables.read_table(path)


def of_this_server(ranks):
    """The part of a rank table that is this server's.

    Args:
        ranks: of rank_tables.Rank.

    Raises:
        ValueError: no server in the table is known to be this one.
    """
    servers = list(dict.fromkeys((rank.server, rank.pod) for rank in ranks))
    names = {server for server, _ in servers}
    here = _this_server(servers) if len(names) > 1 else servers[0][0]
    return [rank for rank in ranks if rank.server == here]


def _this_server(servers):
    chosen = settings.value("NPU_SERVER")
    if chosen:
        known = {chosen}
    else:
        # ModelArts says the name of the pod and the address of the host.
        variables = ("MA_CURRENT_INSTANCE_NAME", "MA_CURRENT_HOST_IP", "MA_CURRENT_IP")
        known = {os.environ.get(name) for name in variables} | {socket.gethostname()}
    for server, pod in servers:
        if server in known or (pod and pod in known):
            return server
    if not chosen:
        for server, _ in servers:
            if _is_own_address(server):
                return server
        index = os.environ.get("VC_TASK_INDEX", "")
        if index.isdecimal() and int(index) < len(servers):
            return servers[int(index)][0]
    names = ", ".join(sorted({server for server, _ in servers}))
    said = "NPU_SERVER=%s is none of them" % chosen if chosen else "set NPU_SERVER to this one's"
    raise ValueError("the rank table has the servers %s; %s" % (names, said))


def _is_own_address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((text, 0))
    except (OSError, UnicodeError):
        return False
    return True


def _of_one_server(count):
    if not count:
        raise ValueError(
            "RANK_TABLE_FILE is not set; set it to a rank table, or RANK_SIZE to the number of"
            " devices of this server"
        )
    first = settings.value("ASCEND_DEVICE_ID") or "0"
    if not first.isdecimal():
        raise ValueError("ASCEND_DEVICE_ID=%s is not the number of a device" % first)
    ranks = [
        rank_tables.Rank(number, "localhost", int(first) + number, "", "")
        for number in range(count)
    ]
    if ranks[-1].device >= rank_tables.DEVICES:
        raise ValueError(
            "there is no device %d: a server has devices 0 to %d; RANK_SIZE=%d with"
            " ASCEND_DEVICE_ID=%s is too many. Several servers need a rank table; name it with"
            " RANK_TABLE_FILE" % (ranks[-1].device, rank_tables.DEVICES - 1, count, first)
        )
    return ranks


class _Job:
    """The processes of this server.

    Args:
        command: what each of them runs.
        own: their ranks, as rank_tables.Rank.
        size: how many ranks there are on all servers.
        table: path of the rank table, of template 1.
        log: path of a rank's log, with {rank} for its number.
    """

    def __init__(self, command, own, size, table, log):
        self._command = command
        self._own = own
        self._size = size
        self._table = table
        self._log = log
        self._processes = {}
        self._received = []
        self._shown = 0  # bytes of the first rank's log

    def run(self):
        """Runs them to the end; returns the exit code."""
        for number in _PASSED_ON:
            signal.signal(number, lambda number, frame: self._received.append(number))
        try:
            for place, rank in enumerate(self._own):
                self._processes[rank] = self._start(place, rank)
            return self._watch()
        finally:
            self._send(signal.SIGKILL)  # of those that still run after an error of our own

    def _start(self, place, rank):
        log = self._log_of(rank)
        os.makedirs(os.path.dirname(os.path.abspath(log)), exist_ok=True)
        launcher = os.getpid()
        prctl = ctypes.CDLL(None).prctl

        def end_with_launcher():
            prctl(_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != launcher:  # It ended before that.
                os.kill(os.getpid(), signal.SIGKILL)

        cores = sorted(os.sched_getaffinity(0))
        begin, end = (len(cores) * number // len(self._own) for number in (place, place + 1))
        with open(log, "wb") as file:
            # A process inherits the cores of the one that starts it.
            os.sched_setaffinity(0, cores[begin:end] or cores)
            try:
                return subprocess.Popen(
                    self._command,
                    env=self._environment(rank),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # what it starts itself ends with it
                    preexec_fn=end_with_launcher,
                )
            finally:
                os.sched_setaffinity(0, cores)

    def _environment(self, rank):
        found = dict(
            os.environ,
            RANK_ID=str(rank.rank),
            RANK_SIZE=str(self._size),
            DEVICE_ID=str(rank.device),
            ASCEND_DEVICE_ID=str(rank.device),
            JOB_ID=settings.value("JOB_ID") or "10087",
            RANK_TABLE_FILE=self._table,
        )
        found.pop("POD_NAME", None)  # stands for RANK_ID in template 2, which this table is not
        steps = found.get("NPU_STEP_LOG", "")
        if "{rank}" in steps or not rank.rank:
            found["NPU_STEP_LOG"] = steps.replace("{rank}", str(rank.rank))
        else:
            found.pop("NPU_STEP_LOG", None)
        return found

    def _log_of(self, rank):
        return self._log.replace("{rank}", str(rank.rank))

    def _watch(self):
        code = None  # what this process ends with, once that is known
        last = None  # when those that still run are killed
        while True:
            ended = [
                rank for rank, process in self._processes.items() if process.poll() is not None
            ]
            self._show()
            if code is None:
                died = [rank for rank in ended if self._processes[rank].returncode]
                # A rank that was killed makes the others fail, not the other way round.
                died.sort(key=lambda rank: self._processes[rank].returncode)
                if died:
                    code = self._tell(died[0], len(ended))
                elif self._received:
                    code = 128 + self._received[0]
                if code is not None:
                    self._send(self._received[0] if self._received and not died else signal.SIGTERM)
                    last = time.monotonic() + GRACE
            if len(ended) == len(self._processes):
                return code or 0
            if last is not None and time.monotonic() > last:
                left = ", ".join(str(r.rank) for r in self._processes if r not in ended)
                _say("rank %s did not end within %d seconds, and is killed" % (left, GRACE))
                self._send(signal.SIGKILL)
                last = None
            time.sleep(_PAUSE)

    def _tell(self, rank, ended):
        """Says how a rank died; returns the exit code."""
        code = self._processes[rank].returncode
        how = "ended with exit code %d" % code
        if code < 0:
            how = "was killed by %s" % signal.Signals(-code).name
        others = ", and the others are told to end" if ended < len(self._processes) else ""
        log = os.path.abspath(self._log_of(rank))
        text = "rank %d (device %d) %s%s. Its log: %s" % (rank.rank, rank.device, how, others, log)
        with open(log, encoding="utf-8", errors="replace") as file:
            tail = file.read().splitlines()[-_TAIL:]
        print("npu_launch: " + "\n  | ".join([text, *tail]), file=sys.stderr, flush=True)
        return code if code > 0 else 128 - code

    def _send(self, number):
        """To every rank that still runs, and to what it has started."""
        for process in self._processes.values():
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)

    def _show(self):
        """What the first rank has printed since the last time."""
        with open(self._log_of(self._own[0]), "rb") as file:
            file.seek(self._shown)
            text = file.read()
        self._shown += len(text)
        with contextlib.suppress(OSError):  # nobody reads it any more; the log has it
            sys.stdout.buffer.write(text)
            sys.stdout.flush()


def _say(line):
    print("npu_launch: %s" % line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

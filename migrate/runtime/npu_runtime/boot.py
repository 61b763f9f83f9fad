"""Runs a training with its data and its outputs in OBS: what ModelArts calls the boot file.

    python npu_boot.py --data_url=obs://bucket/data --train_url=obs://bucket/run1 [options] ...

Copies the data to a local folder, starts the training script with every other argument, copies
what it writes to --train_url every few minutes, at the end, and when it fails or is stopped. What
--train_url holds already is copied back first, so that a training that saves checkpoints goes on
where it was. A URL that is a folder of this machine, as in ModelArts' newer layout, is used where
it is.

The script finds its data below NPU_DATA_DIR and writes below NPU_OUTPUT_DIR; see places.py. Flags
that name folders, and that the script does not place there itself, the boot file knows from when
the port was made.

Where RANK_TABLE_FILE or RANK_SIZE asks for several ranks, it starts one for each device of this
machine; see launch.py. They share one copy of the data and one folder of outputs, which goes to
--train_url from the machine with rank 0: those of others would overwrite them. Where RANK_ID is
set, this process is a rank itself, and has outputs of its own.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from . import launch, places, settings, stores, transfer

# ModelArts adds these to every job; few scripts know them.
_ADDED_BY_MODELARTS = ("num_gpus", "init_method", "rank", "world_size")
_GRACE = 30  # seconds that the training has to save and end once it is told to
_STOPPED = 128 + signal.SIGTERM


def main(entry, folder, flags=None, argv=None, modules=None):
    """The boot file's main function.

    Args:
        entry: the script that trains, relative to `folder`.
        folder: the port's root, in which the script runs.
        flags: for each script, its flags that name a place: whose folder it is below, "data" or
            "output", and what is passed where nobody gives the flag, relative to that folder;
            None for nothing.
        argv: the arguments; None means the command line's.
        modules: for each script that Python starts as a module, with ``-m``, the module's name.

    Returns:
        The exit code: the training's own; 1 if data or outputs could not be copied.
    """
    options, rest = _parse(entry, argv)
    cache = options.cache_dir or _cache()
    try:
        script = os.path.join(folder, options.entry)
        if not os.path.isfile(script):
            raise stores.StorageError("%s: there is no such script; see --entry" % script)
        environment = dict(os.environ)
        # The script may be in a folder of its own, and import from the port's root; as in env.sh.
        paths = [folder, environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        several = launch.is_wanted()
        rank = launch.plan()[1][0].rank if several else _rank()
        if options.data_url:
            environment["NPU_DATA_DIR"] = _data(options, cache)
        outputs = None
        if options.train_url:
            outputs = _Outputs(options.train_url, cache, rank)
            environment["NPU_OUTPUT_DIR"] = outputs.folder
        arguments = _known_to(folder, rest)
        arguments = _placed(arguments, (flags or {}).get(options.entry, {}), environment)
        module = (modules or {}).get(options.entry)
        start = ["-m", module] if module else [script]
        command = [sys.executable, *start, *arguments]
        if several:
            command = [sys.executable, "-m", "npu_runtime.launch", "--", *command]
        return _train(command, folder, environment, outputs, options.sync_seconds)
    except (stores.StorageError, OSError, ValueError) as error:
        print("npu_boot: %s" % error, file=sys.stderr)
        return 1


def _parse(entry, argv):
    parser = argparse.ArgumentParser(
        description="Trains with data and outputs in OBS; other arguments are the script's own.",
        allow_abbrev=False,
    )
    parser.add_argument("--data_url", help="where the data is: obs://bucket/folder, or a folder")
    parser.add_argument("--train_url", help="where outputs go: obs://bucket/folder, or a folder")
    parser.add_argument("--entry", default=entry, help="the script (default: %(default)s)")
    parser.add_argument(
        "--unpack", action="store_true", help="unpack .zip and .tar files among the data"
    )
    parser.add_argument(
        "--sync_seconds",
        type=float,
        default=300.0,
        help="pause between two copies of the outputs (default: %(default)s)",
    )
    parser.add_argument(
        "--cache_dir", help="local folder for data and outputs (default: /cache, or a temporary)"
    )
    return parser.parse_known_args(argv)


def _cache():
    """Old ModelArts machines have a large fast disk at /cache."""
    if os.access("/cache", os.W_OK):
        return "/cache"
    return os.path.join(tempfile.gettempdir(), "npu_cache")


def _rank():
    """The number of this process among those that train; 0 where RANK_ID is none."""
    given = settings.value("RANK_ID")
    return int(given) if given.isdecimal() else 0


def _mark(url):
    """Keeps apart in one cache what comes from, or goes to, different places."""
    return hashlib.md5(url.rstrip("/").encode("utf-8")).hexdigest()[:8]


def _data(options, cache):
    if not stores.is_remote(options.data_url):
        return os.path.abspath(_plain(options.data_url))
    folder = os.path.join(cache, "data-%s" % _mark(options.data_url))
    with _alone(folder):
        found = transfer.download(options.data_url, folder, unpack=options.unpack, say=_say)
    if not found.files:
        raise stores.StorageError("%s: there is nothing below it" % options.data_url)
    _say("data: %d files in %s, %d of them copied now" % (found.files, folder, found.copied))
    return folder


@contextlib.contextmanager
def _alone(folder):
    """One process of this machine at a time; the lock of a process that dies is gone with it."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Outputs:
    """What the training writes, and where it goes.

    While a run writes, a marker stands beside its folder: what is in the folder may be nowhere
    else yet. A run that finds the marker of one that was killed keeps those files and sends them;
    without it, what is in OBS counts.
    """

    def __init__(self, url, cache, rank):
        self._upload = None
        if not stores.is_remote(url):
            self.folder = os.path.abspath(_plain(url))
            os.makedirs(self.folder, exist_ok=True)
            return
        name = "output-%s" % _mark(url)
        self.folder = os.path.join(cache, "%s-rank%d" % (name, rank) if rank else name)
        self._marker = self.folder + ".unsent"
        kept = os.path.exists(self._marker)
        if kept:
            _say("an earlier run was cut off here: what it wrote is kept")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        found = transfer.download(url, self.folder, keep=kept, say=_say)
        if found.files:
            _say("outputs of an earlier run: %d files" % found.files)
        if rank:
            _say("rank %d: outputs stay in %s; those of rank 0 are sent" % (rank, self.folder))
            return
        self._upload = transfer.Upload(self.folder, url, say=_say)
        if not kept:
            self._upload.already_there()
        with open(self._marker, "w", encoding="utf-8") as marker:
            marker.write(url + "\n")

    def send_now_and_then(self, pause, ended):
        """Sends what is new until told to end."""
        while self._upload is not None and not ended.wait(pause):
            try:
                self._upload.send()
            except (stores.StorageError, OSError) as error:
                # The training goes on: the next copy tries again, and the last one decides.
                _say("could not copy the outputs now: %s" % error)

    def finish(self):
        """Sends the rest.

        Raises:
            StorageError: it cannot be sent; the next run on this machine tries again.
        """
        if self._upload is not None:
            _say("outputs: %d files copied at the end" % self._upload.send().copied)
            os.remove(self._marker)


def _plain(url):
    return url[len("file://") :] if url.startswith("file://") else url


def _known_to(folder, arguments):
    """The arguments without those that ModelArts added and no script here has ever heard of."""
    unknown = set(_ADDED_BY_MODELARTS)
    for path in _scripts(folder):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        unknown -= {name for name in unknown if re.search(r"""["'](--)?%s["']""" % name, text)}
    kept = []
    skip_value = False
    for argument in arguments:
        if skip_value and not argument.startswith("--"):
            skip_value = False
            continue
        name, has_value, _ = argument[2:].partition("=")
        skip_value = argument.startswith("--") and name in unknown and not has_value
        if not (argument.startswith("--") and name in unknown):
            kept.append(argument)
    return kept


def _scripts(folder):
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "npu_runtime"]
        for name in names:
            if name.endswith(".py") and name != os.path.basename(sys.argv[0]):
                yield os.path.join(place, name)


def _placed(arguments, flags, environment):
    """The arguments with relative places moved, and with the folders that nobody gave."""
    folders = {
        "data": environment.get("NPU_DATA_DIR"),
        "output": environment.get("NPU_OUTPUT_DIR"),
    }
    placed = []
    missing = dict(flags)
    before = None  # a flag whose value is the next argument
    for argument in arguments:
        name, has_value, value = argument.lstrip("-").partition("=")
        is_flag = argument.startswith("-") and name in flags
        if is_flag:
            missing.pop(name, None)
        if is_flag and has_value:
            value = places.below(folders[flags[name][0]], value)
            argument = "%s=%s" % (argument.partition("=")[0], value)
        elif before is not None and not argument.startswith("--"):
            argument = places.below(folders[flags[before][0]], argument)
        before = name if is_flag and not has_value else None
        placed.append(argument)
    for name, (target, given) in sorted(missing.items()):
        if given is not None and folders[target]:
            value = os.path.join(folders[target], given) if given else folders[target]
            placed.append("--%s=%s" % (name, value))
    return placed


def _train(command, folder, environment, outputs, pause):
    process = None
    stopped = threading.Event()

    def stop(number=None, frame=None):
        del number, frame
        stopped.set()
        if process is not None:
            _signal(process, signal.SIGTERM)
            killer = threading.Timer(_GRACE, _signal, (process, signal.SIGKILL))
            killer.daemon = True
            killer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # A group of its own: what the script starts is told to stop along with it.
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)
    if stopped.is_set():  # told to stop while the training started
        stop()
    ended = threading.Event()
    code = _wait(process, outputs, pause, ended)
    if stopped.is_set():
        _say("stopped; what was written is saved")
        return _STOPPED
    return code if code >= 0 else 128 - code


def _wait(process, outputs, pause, ended):
    """Waits for the training, and sends what it writes; returns its exit code."""
    if outputs is None:
        return process.wait()
    copier = threading.Thread(target=outputs.send_now_and_then, args=(pause, ended), daemon=True)
    copier.start()
    code = process.wait()
    ended.set()
    copier.join()
    outputs.finish()
    return code


def _signal(process, number):
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _say(line):
    print("npu_boot: %s" % line, flush=True)

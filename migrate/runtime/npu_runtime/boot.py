"""Runs a training with its data and its outputs in OBS: what ModelArts calls the boot file.

    python npu_boot.py --data_url=obs://bucket/data --train_url=obs://bucket/run1 [options] ...

Copies the data to a local folder, starts the training script with every other argument, copies
what it writes to --train_url every few minutes, at the end, and when it fails or is stopped. What
--train_url holds already is copied back first, so that a training that saves checkpoints goes on
where it was. A URL that is a folder of this machine, as in ModelArts' newer layout, is used where
it is.

The script finds its data below NPU_DATA_DIR and writes below NPU_OUTPUT_DIR; see places.py.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

from . import stores, transfer

# ModelArts adds these to every job; few scripts know them.
_ADDED_BY_MODELARTS = ("num_gpus", "init_method", "rank", "world_size")
_GRACE = 30  # seconds that the training has to save and end once it is told to
_STOPPED = 128 + signal.SIGTERM


def main(entry, folder, argv=None):
    """The boot file's main function.

    Args:
        entry: the script that trains, relative to `folder`.
        folder: the port's root, in which the script runs.
        argv: the arguments; None means the command line's.

    Returns:
        The exit code: the training's own; 1 if data or outputs could not be copied.
    """
    options, rest = _parse(entry, argv)
    cache = options.cache_dir or _cache()
    try:
        environment = dict(os.environ)
        if options.data_url:
            environment["NPU_DATA_DIR"] = _data(options, cache)
        upload = None
        if options.train_url:
            output, upload = _output(options, cache)
            environment["NPU_OUTPUT_DIR"] = output
        script = os.path.join(folder, options.entry)
        if not os.path.isfile(script):
            raise stores.StorageError("%s: there is no such script; see --entry" % script)
        command = [sys.executable, script, *_known_to(script, rest)]
        return _train(command, folder, environment, upload, options.sync_seconds)
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


def _data(options, cache):
    if not stores.is_remote(options.data_url):
        return os.path.abspath(_plain(options.data_url))
    folder = os.path.join(cache, "data")
    found = transfer.download(options.data_url, folder, unpack=options.unpack, say=_say)
    if not found.files:
        raise stores.StorageError("%s: there is nothing below it" % options.data_url)
    _say("data: %d files in %s, %d of them copied now" % (found.files, folder, found.copied))
    return folder


def _output(options, cache):
    if not stores.is_remote(options.train_url):
        folder = os.path.abspath(_plain(options.train_url))
        os.makedirs(folder, exist_ok=True)
        return folder, None
    folder = os.path.join(cache, "output")
    found = transfer.download(options.train_url, folder, say=_say)
    if found.files:
        _say("outputs of an earlier run: %d files" % found.files)
    upload = transfer.Upload(folder, options.train_url, say=_say)
    upload.already_there()
    return folder, upload


def _plain(url):
    return url[len("file://") :] if url.startswith("file://") else url


def _known_to(script, arguments):
    """The arguments without those that ModelArts added and the script has never heard of."""
    with open(script, encoding="utf-8", errors="replace") as file:
        text = file.read()
    unknown = [name for name in _ADDED_BY_MODELARTS if not re.search(r"\b%s\b" % name, text)]
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


def _train(command, folder, environment, upload, pause):
    # A group of its own: what the script starts is told to stop along with it.
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)
    stopped = threading.Event()

    def stop(number, frame):
        del number, frame
        stopped.set()
        _signal(process, signal.SIGTERM)
        killer = threading.Timer(_GRACE, _signal, (process, signal.SIGKILL))
        killer.daemon = True
        killer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    ended = threading.Event()
    copier = threading.Thread(target=_copy_now_and_then, args=(upload, pause, ended), daemon=True)
    if upload is not None:
        copier.start()
    code = process.wait()
    ended.set()
    if upload is not None:
        copier.join()
        sent = upload.send()
        _say("outputs: %d files copied at the end" % sent.copied)
    if stopped.is_set():
        _say("stopped; what was written is saved")
        return _STOPPED
    return code if code >= 0 else 128 - code


def _copy_now_and_then(upload, pause, ended):
    while not ended.wait(pause):
        try:
            upload.send()
        except (stores.StorageError, OSError) as error:
            # The training goes on: the next copy tries again, and the last one decides.
            _say("could not copy the outputs now: %s" % error)


def _signal(process, number):
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _say(line):
    print("npu_boot: %s" % line, flush=True)

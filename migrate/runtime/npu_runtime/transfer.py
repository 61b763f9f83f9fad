"""Copies folders from and to a store: in parallel, resumable, checked, with retries.

A file that is half there never has its final name, and what arrived before a run was killed is
not fetched again.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import random
import re
import shutil
import sys
import tarfile
import threading
import time
import zipfile

from . import stores

_TRIES = 6
_LONGEST_PAUSE = 30.0  # seconds
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
# What a program is still writing, or what belongs to this module.
_UNFINISHED = re.compile(r"\.part$|\.upload_record$|\.tempstate\d+|\.tmp$|/\.nfs")
_INDEX = ".npu_transfer.jsonl"
_PARTS = ".npu_parts"
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")

Result = collections.namedtuple("Result", "files copied bytes seconds")


def download(url, folder, unpack=False, keep=False, workers=16, say=print):
    """Brings everything below `url` to a local folder; what came before is not fetched again.

    Args:
        url: see stores.open_store.
        folder: local folder, made if it is missing.
        unpack: whether to unpack each .zip, .tar, .tar.gz and .tgz where it lies, and remove it.
            Many small files arrive sooner in one archive than one by one.
        keep: whether a file that is here stays, whatever is there under its name.
        workers: how many files are copied at once.
        say: told of the progress, one line at a time.

    Returns:
        Result: number of files, of files copied now, their bytes, and the seconds it took.

    Raises:
        StorageError: the first file that could not be had; the others that were begun are kept.
    """
    store = stores.open_store(url)
    os.makedirs(folder, exist_ok=True)
    # Beside the folder: a program that takes all of its files never sees half of one.
    parts = folder.rstrip("/") + _PARTS
    os.makedirs(parts, exist_ok=True)
    index = _Index(folder.rstrip("/") + _INDEX)

    def is_done(entry):
        if keep and os.path.exists(_inside(folder, entry.name)):
            return True
        return index.has(entry, folder) and (index.is_unpacked(entry) or not is_archive(entry))

    def is_archive(entry):
        return unpack and entry.name.endswith(_ARCHIVES)

    try:
        entries = _tried(lambda: list(store.entries()))
        wanted = [entry for entry in entries if not is_done(entry)]
        meter = _Meter("download", len(wanted), sum(entry.size for entry in wanted), say)

        def one(entry):
            path = _inside(folder, entry.name)
            if not index.has(entry, folder):
                _download_one(store, entry, path, parts)
                index.add(entry, unpacked=False)
            if is_archive(entry):
                _unpack(path)
                index.add(entry, unpacked=True)
            meter.add(entry.size)

        _in_parallel(one, wanted, workers)
    finally:
        index.close()
    shutil.rmtree(parts, ignore_errors=True)
    return meter.result(len(entries))


class Upload:
    """Brings what changes in a local folder to a URL, again and again.

    Args:
        folder: local folder.
        url: see stores.open_store.
    """

    def __init__(self, folder, url, workers=8, say=print):
        self._folder = folder
        self._store = stores.open_store(url)
        self._workers = workers
        self._say = say
        self._sent = {}
        self._lock = threading.Lock()  # the periodic copy and the last one must not meet

    def already_there(self):
        """What the folder holds now came from the URL and need not go back."""
        self._sent = {name: _state(path) for name, path in self._files()}

    def send(self):
        """Copies what is new or changed since the last call.

        A file that grows meanwhile, such as a log, is sent as it is now and again next time. A
        TensorFlow `checkpoint` file goes last: it must not name files that are not there yet.

        Raises:
            StorageError: the first file that could not be sent; the next call tries it again.
        """
        with self._lock:
            files = [
                (name, path, state)
                for name, path in self._files()
                for state in [_state(path)]
                if state is not None and self._sent.get(name) != state
            ]
            meter = _Meter("upload", len(files), sum(state[0] for _, _, state in files), self._say)

            def one(file):
                name, path, state = file
                try:
                    # Its size each time anew: it may have been replaced since.
                    _tried(lambda: self._store.put(name, path, os.path.getsize(path)))
                except (stores.StorageError, FileNotFoundError):
                    if os.path.exists(path):
                        raise
                    return  # an old checkpoint that the training has removed
                self._sent[name] = state
                meter.add(state[0])

            index = [file for file in files if os.path.basename(file[0]) == "checkpoint"]
            _in_parallel(one, [file for file in files if file not in index], self._workers)
            _in_parallel(one, index, self._workers)
            return meter.result(len(files))

    def _files(self):
        for folder, _, names in os.walk(self._folder):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if not _UNFINISHED.search(path) and os.path.isfile(path):
                    yield os.path.relpath(path, self._folder).replace(os.sep, "/"), path


def _unpack(path):
    """Unpacks an archive where it lies, and removes it."""
    folder = os.path.dirname(path)
    try:
        if path.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                _all_inside(path, folder, archive.namelist())
                archive.extractall(folder)
        else:
            with tarfile.open(path) as archive:
                members = archive.getmembers()
                if not all(member.isfile() or member.isdir() for member in members):
                    raise stores.StorageError(
                        "%s: holds links or devices, which are not unpacked" % path
                    )
                _all_inside(path, folder, [member.name for member in members])
                archive.extractall(folder)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise stores.StorageError("%s: not a whole archive: %s" % (path, error)) from error
    except OSError as error:
        raise stores.StorageError("%s: cannot be unpacked: %s" % (path, error)) from error
    os.remove(path)


def _download_one(store, entry, path, parts):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # The tag in its name: parts of two versions of an object never mix.
    mark = hashlib.md5(("%s %s" % (entry.name, entry.tag)).encode("utf-8")).hexdigest()
    part = os.path.join(parts, mark)

    def once():
        store.fetch(entry, part)
        size = os.path.getsize(part)
        if size < entry.size:
            raise stores.StorageError(
                "%s: %d bytes arrived of %d" % (entry.name, size, entry.size), again=True
            )
        if size > entry.size or (
            _MD5.fullmatch(entry.tag) and stores.md5(part, size).hex() != entry.tag.lower()
        ):
            os.remove(part)
            raise stores.StorageError(
                "%s: what arrived is not what is stored (its MD5 differs)" % entry.name, again=True
            )
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)

    _tried(once)


def _tried(action):
    """Runs an action, again after a growing pause where that can help."""
    for attempt in range(_TRIES):
        try:
            return action()
        except stores.StorageError as error:
            if not error.again or attempt == _TRIES - 1:
                raise
        # Half of the pause by chance: workers that failed together must not come back together.
        pause = min(_LONGEST_PAUSE, 0.5 * 2**attempt)
        time.sleep(pause * random.uniform(0.5, 1.0))


def _in_parallel(action, items, workers):
    """Runs an action for each item; the first error stops what has not begun, and is raised."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(action, item) for item in items]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _inside(folder, name):
    """The local path of an entry, which may not lead out of the folder."""
    path = os.path.normpath(os.path.join(folder, name))
    if not path.startswith(os.path.normpath(folder) + os.sep):
        raise stores.StorageError("%r: this name leads out of %s" % (name, folder))
    return path


def _all_inside(archive, folder, names):
    for name in names:
        try:
            _inside(folder, os.path.join(name, "x"))
        except stores.StorageError as error:
            raise stores.StorageError("%s: %s" % (archive, error)) from None


def _state(path):
    """What changes when a file does: size in bytes and time; None where it is gone."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


class _Index:
    """Which objects have arrived: one JSON line each, so that a killed run loses at most one."""

    def __init__(self, path):
        self._known = {}
        self._lock = threading.Lock()
        line = "\n"
        if os.path.exists(path):
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    try:
                        name, size, tag, unpacked = json.loads(line)
                    except ValueError:
                        continue  # cut when a run was killed
                    self._known[name] = (size, tag, unpacked)
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as it is
        if not line.endswith("\n"):
            self._file.write("\n")  # a cut line stays one of its own

    def has(self, entry, folder):
        """Whether an object is here as it is there, or was until it was unpacked."""
        size, tag, unpacked = self._known.get(entry.name, (None, None, False))
        if (size, tag) != (entry.size, entry.tag):
            return False
        path = _inside(folder, entry.name)
        return unpacked or (os.path.exists(path) and os.path.getsize(path) == size)

    def is_unpacked(self, entry):
        """Whether an object that is here was unpacked."""
        return self._known[entry.name][2]

    def add(self, entry, unpacked):
        """Notes an object that has arrived."""
        line = json.dumps([entry.name, entry.size, entry.tag, unpacked])
        with self._lock:
            self._known[entry.name] = (entry.size, entry.tag, unpacked)
            self._file.write(line + "\n")
            self._file.flush()

    def close(self):
        self._file.close()


class _Meter:
    """Says how far a copy is: on a terminal often, elsewhere every 30 seconds."""

    def __init__(self, what, files, size, say):
        self._what = what
        self._files = files
        self._size = size
        self._say = say
        self._begin = self._said = time.time()
        self._pause = 2.0 if sys.stdout.isatty() else 30.0  # seconds
        self._done = 0
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, size):
        with self._lock:
            self._done += 1
            self._bytes += size
            if time.time() - self._said >= self._pause:
                self._said = time.time()
                self._say(self._line())

    def result(self, files):
        if self._files:
            self._say(self._line())
        return Result(files, self._done, self._bytes, time.time() - self._begin)

    def _line(self):
        seconds = max(time.time() - self._begin, 1e-3)
        return "%s: %d of %d files, %.1f of %.1f MB, %.1f MB/s" % (
            self._what,
            self._done,
            self._files,
            self._bytes / 1e6,
            self._size / 1e6,
            self._bytes / 1e6 / seconds,
        )

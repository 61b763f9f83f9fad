"""Files in OBS, and files of this machine, by the same functions.

Names and arguments: ModelArts, "MoXing Framework", as documented and as ports use them.
"""

import builtins
import collections
import functools
import glob as _glob
import os
import shutil

from npu_simulator import settings, trace

_SCHEMES = ("obs://", "s3://")


def _local(path):
    """Returns where a path is on this machine.

    Raises:
        ValueError: a URL that names no bucket or leads out of it, or no folder stands for OBS.
    """
    path = os.fspath(path)
    text = path.decode() if isinstance(path, bytes) else path
    for scheme in _SCHEMES:
        if text.startswith(scheme):
            return _inside(text, text[len(scheme) :])
    return text


def _inside(url, key):
    folder = settings.read().obs
    if folder is None:
        raise ValueError("%s: no folder stands for OBS here; set NPU_SIMULATOR_OBS to one" % url)
    bucket = key.split("/")[0]
    if not bucket:
        raise ValueError("%s: a URL needs a bucket, as in obs://bucket/folder" % url)
    root = os.path.abspath(os.path.join(folder, bucket))
    if bucket in (".", "..") or not _is_within(os.path.normpath(os.path.join(folder, key)), root):
        raise ValueError("%s: leads out of its bucket" % url)
    return os.path.join(folder, *[part for part in key.split("/") if part])


def _is_within(path, root):
    path = os.path.abspath(path)
    return path == root or path.startswith(root + os.sep)


def _is_url(path):
    return isinstance(path, str) and path.startswith(_SCHEMES)


def _missing(path):
    return FileNotFoundError(2, "No such file or directory", path)


def exists(path):
    """Returns whether there is a file or folder."""
    return os.path.exists(_local(path))


def is_directory(path):
    """Returns whether it is a folder."""
    return os.path.isdir(_local(path))


def list_directory(path, recursive=False, skip_file=False, skip_dir=False):
    """Lists a folder.

    Args:
        path: folder.
        recursive: whether to go into its folders as well.
        skip_file: whether to leave files out.
        skip_dir: whether to leave folders out.

    Returns:
        Sorted paths within the folder.

    Raises:
        NotADirectoryError, FileNotFoundError: there is no such folder.
    """
    top = _local(path)
    if not os.path.exists(top):
        raise _missing(path)
    if not os.path.isdir(top):
        raise NotADirectoryError(20, "Not a directory", path)
    found = []
    for folder, folders, files in os.walk(top):
        names = ([] if skip_dir else folders) + ([] if skip_file else files)
        found += [os.path.relpath(os.path.join(folder, name), top) for name in names]
        if not recursive:
            break
    return sorted(found)


def make_dirs(path):
    """Makes a folder and those above it; one that is there is fine."""
    os.makedirs(_local(path), exist_ok=True)


def mk_dir(path):
    """Makes a folder; one that is there is fine.

    Raises:
        FileNotFoundError: the folder above is missing.
    """
    if not is_directory(path):
        os.mkdir(_local(path))


def remove(path, recursive=False):
    """Removes a file, or with `recursive` a folder.

    Raises:
        FileNotFoundError: there is none.
        IsADirectoryError: a folder, without `recursive`.
    """
    local = _local(path)
    if not os.path.exists(local):
        raise _missing(path)
    if not os.path.isdir(local):
        os.remove(local)
    elif recursive:
        shutil.rmtree(local)
    else:
        raise IsADirectoryError(21, "Is a directory; remove it with recursive=True", path)


def rename(src, dst):
    """Moves a file or folder."""
    if not exists(src):
        raise _missing(src)
    _make_parent(_local(dst))
    shutil.move(_local(src), _local(dst))


def copy(src_url, dst_url):
    """Copies a file.

    Raises:
        FileNotFoundError: there is none.
        IsADirectoryError: a folder; copy_parallel copies these.
    """
    source, target = _local(src_url), _local(dst_url)
    if not os.path.exists(source):
        raise _missing(src_url)
    if os.path.isdir(source):
        raise IsADirectoryError(21, "Is a directory; copy it with copy_parallel", src_url)
    _make_parent(target)
    shutil.copyfile(source, target)
    _trace_copy(src_url, dst_url, os.path.getsize(target))


def copy_parallel(src_url, dst_url, file_list=None, threads=16, is_processing=True, use_queue=True):
    """Copies what is in a folder into another, which is made where it is missing.

    Args:
        src_url: folder.
        dst_url: folder.
        file_list: paths within the folder; all unless given.
        threads: changes no result, nor do is_processing and use_queue.

    Raises:
        FileNotFoundError: there is no such folder, or no such file in it.
        NotADirectoryError: a file; copy copies these.
    """
    source, target = _local(src_url), _local(dst_url)
    names = file_list
    if names is None:
        names = list_directory(src_url, recursive=True, skip_dir=True)
    elif not os.path.isdir(source):
        raise _missing(src_url)
    os.makedirs(target, exist_ok=True)
    size = 0
    for name in names:
        one, other = os.path.join(source, name), os.path.join(target, name)
        if not os.path.exists(one):
            raise _missing(os.path.join(src_url, name))
        _make_parent(other)
        shutil.copyfile(one, other)
        size += os.path.getsize(other)
    if file_list is None:
        for name in list_directory(src_url, recursive=True, skip_file=True):
            os.makedirs(os.path.join(target, name), exist_ok=True)
    _trace_copy(src_url, dst_url, size)


def _trace_copy(source, target, size):
    trace.emit("copy", source=str(source), target=str(target), bytes=size)


def _make_parent(path):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)


def File(name, mode="r", **others):
    """Opens a file, as open() does. In OBS, the folders above it need not exist.

    Raises:
        FileNotFoundError: to be read, and there is none.
    """
    local = _local(name)
    if _is_url(name) and set(mode) & set("wax"):
        _make_parent(local)
    if "r" in mode and not os.path.exists(local):
        raise _missing(name)
    return _open(local, mode, **others)


_open = builtins.open


def read(path, binary=False):
    """Returns what is in a file: a str, or with `binary` bytes."""
    with File(path, "rb" if binary else "r") as file:
        return file.read()


def write(path, buf):
    """Writes a str or bytes as a file."""
    with File(path, "wb" if isinstance(buf, bytes) else "w") as file:
        file.write(buf)


def append(path, buf):
    """Appends a str or bytes to a file, which is made where it is missing."""
    with File(path, "ab" if isinstance(buf, bytes) else "a") as file:
        file.write(buf)


def get_size(path, recursive=False):
    """Returns the size of a file in bytes; with `recursive`, of all files in a folder.

    Raises:
        FileNotFoundError: there is none.
        IsADirectoryError: a folder, without `recursive`.
    """
    local = _local(path)
    if not os.path.exists(local):
        raise _missing(path)
    if not os.path.isdir(local):
        return os.path.getsize(local)
    if not recursive:
        raise IsADirectoryError(21, "Is a directory; ask with recursive=True", path)
    names = list_directory(path, recursive=True, skip_dir=True)
    return sum(os.path.getsize(os.path.join(local, name)) for name in names)


Stat = collections.namedtuple("Stat", "length mtime_nsec is_directory")


def stat(path):
    """Returns length in bytes, time of change in nanoseconds, and whether it is a folder."""
    local = _local(path)
    if not os.path.exists(local):
        raise _missing(path)
    found = os.stat(local)
    return Stat(found.st_size, found.st_mtime_ns, os.path.isdir(local))


def walk(path):
    """Walks through folders, as os.walk does, with URLs where a URL is given."""
    top = _local(path)
    for folder, folders, files in os.walk(top):
        within = os.path.relpath(folder, top)
        yield (path if within == "." else _join(path, within)), folders, files


def scan_dir(path):
    """Returns what os.scandir does."""
    return os.scandir(_local(path))


def glob(pattern):
    """Returns the sorted paths that match a pattern, as URLs where a URL is given."""
    local = _local(pattern)
    found = sorted(_glob.glob(local))
    if not _is_url(pattern):
        return found
    scheme = next(scheme for scheme in _SCHEMES if pattern.startswith(scheme))
    folder = settings.read().obs
    return [scheme + os.path.relpath(path, folder) for path in found]


def _join(url, name):
    return "%s/%s" % (url.rstrip("/"), name)


def set_auth(**given):
    """Takes what the real one logs in with, and needs none of it."""


def set_flag(name, value):
    """Takes a setting of the real one, which changes no result."""


_SHIFTED = {
    "listdir": list_directory,
    "makedirs": lambda path, *mode, **others: make_dirs(path),
    "mkdir": lambda path, *mode, **others: mk_dir(path),
    "remove": remove,
    "rename": rename,
    "stat": lambda path, **others: os.stat(_local(path)),
    "unlink": remove,
    "walk": lambda path, **others: walk(path),
    "scandir": scan_dir,
}
_SHIFTED_PATHS = {
    "exists": exists,
    "isdir": is_directory,
    "isfile": lambda path: os.path.isfile(_local(path)),
    "getsize": get_size,
}


def shift(src, dst):
    """Lets open and the functions of os and os.path take URLs, from now on.

    Args:
        src, dst: "os" and "mox".

    Raises:
        ValueError: anything else, which the simulator does not do.
    """
    if (src, dst) != ("os", "mox"):
        raise ValueError("only shift('os', 'mox') is simulated, not %r" % ((src, dst),))
    if getattr(builtins.open, "_shifted", False):
        return
    builtins.open = _taking_urls(builtins.open, File)
    for module, functions in ((os, _SHIFTED), (os.path, _SHIFTED_PATHS)):
        for name, function in functions.items():
            setattr(module, name, _taking_urls(getattr(module, name), function))


def _taking_urls(original, shifted):
    @functools.wraps(original)
    def wrapper(*args, **kwargs):
        return (shifted if args and _is_url(args[0]) else original)(*args, **kwargs)

    wrapper._shifted = True
    return wrapper

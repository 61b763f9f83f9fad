"""Files that one rank writes for all, since all ranks of a server share their working folder.

TensorFlow's own checkpoints and event files are not these functions' business.
"""

import atexit
import functools
import os
import pathlib
import shutil
import tempfile

from . import ranks


def npu_rank_file(path):
    """The place to which this rank writes what only rank 0 is to leave behind.

    Args:
        path: the place of a file: str, bytes or os.PathLike. Anything else, such as an open file,
            stays as it is.

    Returns:
        On rank 0, `path` itself. On others a place of the same name and type, in a folder that
        goes when the process ends; the same one for the same `path`. Nothing is there at first.

    Raises:
        ValueError: the environment says wrongly which rank this is (ranks.py).
    """
    if ranks.is_chief() or not isinstance(path, (str, bytes, os.PathLike)) or not path:
        return path
    name = os.path.abspath(os.fsdecode(path))
    place = os.path.join(_scratch(), os.path.splitdrive(name)[1].lstrip(os.sep))
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if isinstance(path, bytes):
        return os.fsencode(place)
    return type(path)(place) if isinstance(path, pathlib.PurePath) else place


def npu_rank_0(function):
    """What removes or moves shared files, for rank 0 alone.

    Args:
        function: such as shutil.rmtree.

    Returns:
        On rank 0, `function` itself; on others what takes the same arguments and does nothing.

    Raises:
        ValueError: the environment says wrongly which rank this is (ranks.py).
    """
    return function if ranks.is_chief() else _nothing


def npu_make_folder(function):
    """What makes a folder, for several ranks that come to it at the same time.

    Args:
        function: such as os.makedirs, which fails where the folder is there already.

    Returns:
        With one rank, `function` itself; with several, what does not fail for that.

    Raises:
        ValueError: the environment says wrongly which rank this is (ranks.py).
    """
    return function if ranks.size() == 1 else functools.partial(_make_folder, function)


def is_own(path):
    """Whether a path, of a file or a folder, is in this rank's folder of such files."""
    if ranks.is_chief():
        return False
    return os.path.abspath(os.fsdecode(path)).startswith(_scratch() + os.sep)


def _make_folder(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except Exception as error:
        # TensorFlow's gfile has a class of its own for it.
        if isinstance(error, FileExistsError) or type(error).__name__ == "AlreadyExistsError":
            return None
        raise


def _nothing(*_, **__):
    return None


@functools.lru_cache(maxsize=None)
def _scratch():
    folder = tempfile.mkdtemp(prefix="npu_rank_%d_" % ranks.rank())
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder, owner):
    if os.getpid() == owner:  # and no child that it forked
        shutil.rmtree(folder, ignore_errors=True)

"""Tells which files are opened for writing, once for each."""

import builtins
import functools
import io
import os

from .. import trace
from ..imports import after_import

_told = set()


def install():
    """Watches Python's own files, TensorFlow's, and the folders of event files."""
    for module in (builtins, io):
        module.open = _watched(module.open)
    after_import("tensorflow.python.lib.io.file_io", _patch_file_io)
    after_import("tensorflow.python.summary.writer.event_file_writer", _patch_events)


def _watched(original):
    @functools.wraps(original)
    def opened(file, mode="r", *arguments, **keywords):
        result = original(file, mode, *arguments, **keywords)
        if isinstance(mode, str) and set(mode) & set("wax+"):
            _tell(file)
        return result

    return opened


def _tell(path):
    if isinstance(path, int):  # a descriptor: somebody else has opened it
        return
    path = os.path.realpath(os.fsdecode(path))
    if path not in _told:
        _told.add(path)
        trace.emit("write", path=path)


def _patch_file_io(module):
    check, write = module.FileIO._prewrite_check, module.atomic_write_string_to_file

    @functools.wraps(check)
    def patched_check(self):
        if not self._writable_file:
            _tell(self.name)
        check(self)

    @functools.wraps(write)
    def patched_write(filename, *arguments, **keywords):
        _tell(filename)
        return write(filename, *arguments, **keywords)

    module.FileIO._prewrite_check = patched_check
    module.atomic_write_string_to_file = patched_write


def _patch_events(module):
    init = module.EventFileWriter.__init__

    @functools.wraps(init)
    def patched(self, logdir, *arguments, **keywords):
        init(self, logdir, *arguments, **keywords)
        _tell(logdir)

    module.EventFileWriter.__init__ = patched

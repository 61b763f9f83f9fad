"""Closes what sessions a program leaves open when it ends, and lets their queue runners end.

Those are daemon threads. One that the interpreter kills within a library's lock, such as h5py's,
takes the lock with it, and then the program may never end.
"""

import atexit
import threading
import time
import weakref

_SECONDS = 5.0
_RUNNERS = "QueueRunnerThread"

_sessions = weakref.WeakSet()


def at_exit(session):
    """Closes a session when the program ends.

    Args:
        session: BaseSession.
    """
    if not _sessions:
        atexit.unregister(_close)
        atexit.register(_close)
    _sessions.add(session)


def _close():
    for session in list(_sessions):
        session.close()
    end = time.monotonic() + _SECONDS
    for thread in threading.enumerate():
        if thread.daemon and thread.name.startswith(_RUNNERS):
            thread.join(max(0.0, end - time.monotonic()))

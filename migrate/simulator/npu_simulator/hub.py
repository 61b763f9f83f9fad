"""Where the ranks of a simulated job meet: a server on this machine that exchanges their data.

    python -m npu_simulator.hub RANKS      serves one job; prints host:port as its first line

A rank submits its part of a collective under a key; when all members have, each gets the parts
of all. The hub computes nothing, so that it needs the standard library only: the ranks reduce,
each in the order of ranks, and so get the same bits.

What a real job would hang on is an error here, sent to all who wait: a rank that ended, parts
that do not fit together, and ranks that wait for each other.

Messages, both ways: lengths of header and payload (">IQ"), header (JSON), payload. From a rank:
hello (rank), submit (id, key, members, spec, payload), leave. To a rank: result (id, sizes,
payload: the parts in the order of members), error (id, message).
"""

import contextlib
import json
import socket
import struct
import sys
import threading
import time

# Ranks that do nothing but wait for each other; one that computes may take its time.
STALL_SECONDS = 300.0
LOST = "was lost (it crashed, or was killed)"
_LENGTHS = struct.Struct(">IQ")


class Closed(Exception):
    """The other side closed the connection."""


def send(connection, header, payload=b""):
    """Sends a message. Callers see to it that there is one sender at a time."""
    data = json.dumps(header).encode()
    connection.sendall(_LENGTHS.pack(len(data), len(payload)) + data)
    if payload:
        connection.sendall(payload)


def receive(connection):
    """Receives a message.

    Returns:
        Header and payload.

    Raises:
        Closed: there is none, or the connection broke in the middle.
    """
    first, second = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size))
    header = json.loads(_exactly(connection, first).decode())
    return header, _exactly(connection, second)


def _exactly(connection, size):
    parts = []
    while size:
        try:
            part = connection.recv(min(size, 1 << 20))
        except OSError as error:
            raise Closed(str(error)) from error
        if not part:
            raise Closed()
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Hub:
    """A hub for one job, in threads of this process.

    Used with `with`; its `address` is the value for NPU_SIMULATOR_HUB.

    Args:
        ranks: how many ranks the job has.
        stall_seconds: how long all ranks may do nothing but wait.
    """

    def __init__(self, ranks, stall_seconds=STALL_SECONDS):
        self._ranks = ranks
        self._stall_seconds = stall_seconds
        self._lock = threading.Lock()
        self._meetings = {}
        # How often a rank has come; a script may start several programs, one after the other.
        self._visits = [0] * ranks
        self._members = {}
        self._gone = {}
        self._last = time.monotonic()
        self._closing = threading.Event()
        self._server = _server()

    @property
    def address(self):
        """host:port."""
        return "%s:%d" % self._server.getsockname()[:2]

    def __enter__(self):
        for target in (self._accept, self._watch):
            threading.Thread(target=target, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Closes all connections."""
        self._closing.set()
        # A thread that waits in accept does not notice close alone.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            visitors = list(self._members.values())
        for visitor in visitors:
            visitor.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        visitor = None
        try:
            header, _ = receive(connection)
            visitor = self._welcome(header["rank"], connection)
            while visitor is not None:
                header, payload = receive(connection)
                if header["op"] == "leave":
                    visitor.left = True
                    break
                self._submit(visitor, header, payload)
        except (Closed, KeyError, TypeError, ValueError):
            pass  # Whatever it was, the rank is gone.
        finally:
            if visitor is not None:
                self._farewell(visitor)
            connection.close()

    def _welcome(self, rank, connection):
        if not 0 <= rank < self._ranks:
            text = "RANK_ID=%s, but the job has %d ranks" % (rank, self._ranks)
            send(connection, {"op": "error", "id": None, "message": text})
            return None
        with self._lock:
            if rank in self._members:
                text = "rank %d is there already: two processes have RANK_ID=%d" % (rank, rank)
                send(connection, {"op": "error", "id": None, "message": text})
                return None
            self._visits[rank] += 1
            visitor = _Visitor(rank, self._visits[rank], connection)
            self._members[rank] = visitor
            self._last = time.monotonic()
            return visitor

    def _submit(self, visitor, header, payload):
        with self._lock:
            self._last = time.monotonic()
            key = (header["key"], tuple(header["members"]))
            part = _Part(visitor, header["id"], header["spec"], payload)
            meeting = self._meetings.setdefault(key, {})
            text = self._objection(key, meeting, part)
            if text:
                del self._meetings[key]
                meeting[visitor.rank] = part
                self._refuse(meeting.values(), text)
                return
            meeting[visitor.rank] = part
            if len(meeting) < len(key[1]):
                return
            del self._meetings[key]
        parts = [meeting[rank] for rank in key[1]]
        sizes = [len(one.payload) for one in parts]
        data = b"".join(one.payload for one in parts)
        for one in parts:
            one.visitor.send({"op": "result", "id": one.number, "sizes": sizes}, data)

    def _objection(self, key, meeting, part):
        """Returns why a part cannot be taken, None if it can."""
        rank = part.visitor.rank
        name, members = key
        if rank not in members or not all(0 <= one < self._ranks for one in members):
            return "rank %d is in %s of ranks %s, but the job has ranks 0 to %d" % (
                rank,
                name,
                list(members),
                self._ranks - 1,
            )
        for other in meeting.values():
            text = _difference(name, other, part)
            if text:
                return text
        for member in members:
            text = self._absence(name, member, part.visitor)
            if text:
                return text
        return None

    def _absence(self, name, member, visitor):
        gone = self._gone.get(member)
        if gone is None or gone.visit < visitor.visit:
            return None
        how = "has ended" if gone.left else LOST
        return "rank %d %s, but rank %d waits for it in %s" % (member, how, visitor.rank, name)

    def _farewell(self, visitor):
        with self._lock:
            if self._members.get(visitor.rank) is visitor:
                del self._members[visitor.rank]
            self._gone[visitor.rank] = visitor
            self._last = time.monotonic()
            for key, meeting in list(self._meetings.items()):
                meeting.pop(visitor.rank, None)
                if visitor.rank not in key[1] or not meeting:
                    continue
                waiting = next(iter(meeting.values())).visitor
                text = self._absence(key[0], visitor.rank, waiting)
                if text:
                    del self._meetings[key]
                    self._refuse(meeting.values(), text)

    def _watch(self):
        """Ends a job whose ranks all wait, and not for the same."""
        while not self._closing.wait(min(1.0, self._stall_seconds / 4)):
            with self._lock:
                waiting = {rank for meeting in self._meetings.values() for rank in meeting}
                idle = time.monotonic() - self._last
                if not waiting or idle < self._stall_seconds or set(self._members) - waiting:
                    continue
                places = [
                    "rank %d in %s" % (rank, key[0])
                    for key, meeting in self._meetings.items()
                    for rank in sorted(meeting)
                ]
                absent = sorted(set(range(self._ranks)) - waiting)
                text = "the ranks wait for each other: " + ", ".join(sorted(places))
                if absent:
                    text += "; not heard of: " + ", ".join("rank %d" % rank for rank in absent)
                parts = [part for meeting in self._meetings.values() for part in meeting.values()]
                self._meetings.clear()
                self._refuse(parts, text)

    @staticmethod
    def _refuse(parts, text):
        for part in parts:
            part.visitor.send({"op": "error", "id": part.number, "message": text})


class _Visitor:
    """A process that is connected.

    Attributes:
        visit: 1 for the first process that its rank has connected, 2 for the second.
        left: whether it said that it ends.
    """

    def __init__(self, rank, visit, connection):
        self.rank = rank
        self.visit = visit
        self.left = False
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, header, payload=b""):
        # Where it is gone, the thread that reads from it notices.
        with self._lock, contextlib.suppress(OSError):
            send(self._connection, header, payload)

    def close(self):
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


class _Part:
    def __init__(self, visitor, number, spec, payload):
        self.visitor = visitor
        self.number = number
        self.spec = spec
        self.payload = payload


def _difference(name, first, second):
    """Returns in what two ranks disagree about a collective, None if in nothing."""
    for key in sorted(set(first.spec) | set(second.spec)):
        one, two = first.spec.get(key), second.spec.get(key)
        if one == two:
            continue
        if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
            place = next(index for index, pair in enumerate(zip(one, two)) if pair[0] != pair[1])
            one, two, key = one[place], two[place], "%s of tensor %d" % (key, place)
        return "the ranks disagree about %s: %s is %s on rank %d, but %s on rank %d" % (
            name,
            key,
            one,
            first.visitor.rank,
            two,
            second.visitor.rank,
        )
    return None


def _server():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 0))
    server.listen(64)
    return server


def main(arguments):
    """Serves one job until the standard input ends."""
    if len(arguments) != 1 or not arguments[0].isdigit() or int(arguments[0]) < 1:
        sys.stderr.write("usage: python -m npu_simulator.hub RANKS < pipe\n")
        return 2
    with Hub(int(arguments[0])) as hub:
        print(hub.address, flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

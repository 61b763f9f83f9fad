"""Ranks meet in the hub, and learn why they cannot."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.simulator.npu_simulator import hub
from migrate.simulator.npu_simulator.hub import Hub

SPEC = {"kind": "HcomAllReduce", "dtype": ["float32"], "shape": [[4]], "reduction": "sum"}


class Rank:
    """A process of a job, as the hub sees it."""

    def __init__(self, meeting: str, rank: int) -> None:
        host, port = meeting.split(":")
        self.connection = socket.create_connection((host, int(port)), timeout=10)
        hub.send(self.connection, {"op": "hello", "rank": rank})

    def submit(
        self, key: str = "grad", data: bytes = b"", members: tuple[int, ...] = (0, 1), **spec: Any
    ) -> None:
        header = {"op": "submit", "id": 7, "key": key, "members": members, "spec": {**SPEC, **spec}}
        hub.send(self.connection, header, data)

    def answer(self) -> Any:
        """Returns the parts of all, or the error."""
        header, data = hub.receive(self.connection)
        if header["op"] == "error":
            return header["message"]
        assert header["id"] == 7
        parts, place = [], 0
        for size in header["sizes"]:
            parts.append(data[place : place + size])
            place += size
        return parts

    def leave(self) -> None:
        hub.send(self.connection, {"op": "leave"})

    def die(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


@contextlib.contextmanager
def job(ranks: int, **options: float) -> Iterator[list[Rank]]:
    with Hub(ranks, **options) as server:
        yield [Rank(server.address, rank) for rank in range(ranks)]


def test_all_get_the_parts_of_all_in_the_order_of_ranks() -> None:
    with job(3) as ranks:
        for rank in (2, 0, 1):
            ranks[rank].submit(data=bytes([rank]) * (rank + 1), members=(0, 1, 2))
        for rank in ranks:
            assert rank.answer() == [b"\0", b"\1\1", b"\2\2\2"]


def test_ranks_meet_by_name_in_any_order() -> None:
    with job(2) as (one, two):
        one.submit("a", b"1a")
        two.submit("b", b"2b")
        one.submit("b", b"1b")
        two.submit("a", b"2a")
        for rank in (one, two):
            answers = sorted([rank.answer(), rank.answer()])
            assert answers == [[b"1a", b"2a"], [b"1b", b"2b"]]


def test_a_group_needs_its_members_only() -> None:
    with job(3) as ranks:
        ranks[2].submit(data=b"c", members=(1, 2))
        ranks[1].submit(data=b"b", members=(1, 2))
        assert ranks[1].answer() == ranks[2].answer() == [b"b", b"c"]


def test_large_parts() -> None:
    data = bytes(range(256)) * 40000
    with job(2) as ranks:
        threads = [threading.Thread(target=rank.submit, args=("x", data)) for rank in ranks]
        for thread in threads:
            thread.start()
        assert all(rank.answer() == [data, data] for rank in ranks)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"shape": [[5]]}, "shape of tensor 0 is [4] on rank 0, but [5] on rank 1"),
        (
            {"dtype": ["float16"]},
            "dtype of tensor 0 is float32 on rank 0, but float16 on rank 1",
        ),
        (
            {"kind": "HcomBroadcast"},
            "kind is HcomAllReduce on rank 0, but HcomBroadcast on rank 1",
        ),
        ({"reduction": "max"}, "reduction is sum on rank 0, but max on rank 1"),
        ({"root": 1}, "root is None on rank 0, but 1 on rank 1"),
        (
            {"shape": [[4], [2]]},
            "shape is [[4]] on rank 0, but [[4], [2]] on rank 1",
        ),
    ],
)
def test_parts_that_do_not_fit_together(spec: dict[str, Any], words: str) -> None:
    with job(2) as (one, two):
        one.submit("grad, run 3")
        time.sleep(0.05)
        two.submit("grad, run 3", **spec)
        text = "the ranks disagree about grad, run 3: " + words
        assert one.answer() == two.answer() == text


def test_a_rank_that_dies_while_another_waits() -> None:
    with job(2) as (one, two):
        one.submit()
        two.die()
        assert one.answer() == (
            "rank 1 was lost (it crashed, or was killed), but rank 0 waits for it in grad"
        )


def test_a_rank_that_died_before() -> None:
    with job(2) as (one, two):
        two.die()
        time.sleep(0.1)
        one.submit()
        assert "rank 1 was lost" in one.answer()


def test_a_rank_that_ends_too_early() -> None:
    with job(2) as (one, two):
        two.leave()
        one.submit()
        assert one.answer() == "rank 1 has ended, but rank 0 waits for it in grad"


def test_programs_one_after_the_other() -> None:
    with Hub(2) as server:
        for _ in range(2):
            one, two = Rank(server.address, 0), Rank(server.address, 1)
            one.submit(data=b"1")
            two.submit(data=b"2")
            assert one.answer() == two.answer() == [b"1", b"2"]
            one.leave()
            two.leave()
            time.sleep(0.1)


def test_ranks_that_wait_for_each_other() -> None:
    with job(2, stall_seconds=0.3) as (one, two):
        one.submit("a")
        two.submit("b")
        text = "the ranks wait for each other: rank 0 in a, rank 1 in b"
        assert one.answer() == two.answer() == text


def test_a_rank_that_never_comes() -> None:
    with Hub(2, stall_seconds=0.3) as server:
        one = Rank(server.address, 0)
        one.submit()
        assert one.answer() == (
            "the ranks wait for each other: rank 0 in grad; not heard of: rank 1"
        )


def test_a_rank_that_computes_may_take_its_time() -> None:
    with job(2, stall_seconds=0.2) as (one, two):
        one.submit(data=b"1")
        time.sleep(0.6)
        two.submit(data=b"2")
        assert one.answer() == [b"1", b"2"]


@pytest.mark.parametrize(
    ("rank", "text"),
    [
        (0, "rank 0 is there already: two processes have RANK_ID=0"),
        (2, "RANK_ID=2, but the job has 2 ranks"),
    ],
)
def test_a_rank_that_is_none_of_the_job(rank: int, text: str) -> None:
    with Hub(2) as server:
        first = Rank(server.address, 0)
        deadline = time.monotonic() + 10
        while 0 not in server._members:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert Rank(server.address, rank).answer() == text
        first.leave()


def test_a_group_outside_the_job() -> None:
    with job(2) as (one, _):
        one.submit(members=(0, 5))
        assert "but the job has ranks 0 to 1" in one.answer()


def test_nonsense_disturbs_nobody() -> None:
    with Hub(2) as server:
        host, port = server.address.split(":")
        stranger = socket.create_connection((host, int(port)))
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(100))
        stranger.close()
        one, two = Rank(server.address, 0), Rank(server.address, 1)
        one.submit(data=b"1")
        two.submit(data=b"2")
        assert one.answer() == [b"1", b"2"]


def test_closing_ends_all() -> None:
    with Hub(1) as server:
        one = Rank(server.address, 0)
        hub.send(one.connection, {"op": "submit"})  # Broken: the hub closes.
        with pytest.raises(hub.Closed):
            one.answer()


def test_as_a_command() -> None:
    command = [sys.executable, str(Path(hub.__file__)), "2"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        address = process.stdout.readline().strip()
        one, two = Rank(address, 0), Rank(address, 1)
        one.submit(data=b"1")
        two.submit(data=b"2")
        assert one.answer() == [b"1", b"2"]
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    wrong = subprocess.run([*command[:2], "none"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr[:6]) == (2, "usage:")

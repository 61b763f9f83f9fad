"""Which elements ranks keep, told by what each of them has read."""

from __future__ import annotations

import pytest

from migrate.findings import Finding
from migrate.verify.rank_data import DataComparison
from migrate.verify.smoke import SmokeRun
from migrate.verify.trace import Process, Shard

RUN = SmokeRun("train", "python train.py", frozenset({"train"}))


def compared(*ranks: str) -> list[Finding]:
    """Of what each rank reads, in small letters, and keeps, in capitals."""
    processes = []
    for number, rank in enumerate(ranks):
        shard = Shard()
        for letter in rank:
            shard.take([letter.lower()], letter.isupper())
        processes.append([Process(number, number, shards={("train.py:3", 1): shard})])
    findings: list[Finding] = []
    DataComparison(findings).compare_elements(RUN, processes, False)
    return findings


@pytest.mark.parametrize(
    "ranks",
    [
        ("aAbcCd", "abBcdD"),
        # The second pass has another order; each element is kept once in each.
        ("aAbbBa", "abBbaA"),
        # Two readers of each rank hold equal elements at the same time.
        ("aaAAbb", "aabbBB"),
        ("aaAAbbaA", "aabbBBa"),
    ],
)
def test_each_element_is_kept_by_one(ranks: tuple[str, str]) -> None:
    assert compared(*ranks) == []


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        (("aAbB", "aAb"), "1 are kept by several and 0 by none"),
        (("aAb", "ab"), "0 are kept by several and 1 by none"),
        (("aAba", "aba"), "0 are kept by several and 2 by none"),
        (("aAbB", "aAbB"), "2 are kept by several and 0 by none"),
    ],
)
def test_what_several_or_none_keep_is_an_error(ranks: tuple[str, str], said: str) -> None:
    (finding,) = compared(*ranks)
    assert (finding.code, finding.severity) == ("CHK976", "error")
    assert said in finding.message

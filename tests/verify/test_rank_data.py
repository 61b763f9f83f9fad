"""Which elements ranks keep, told by what each of them has read."""

from __future__ import annotations

import pytest

from migrate.findings import Finding
from migrate.verify.rank_data import DataComparison, Voice
from migrate.verify.smoke import SmokeRun
from migrate.verify.trace import Batch, Process, Shard

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


def shared(*ranks: dict[str, str]) -> tuple[set[str], list[Finding]]:
    """What is said of one run of each rank: a letter is a row, and what is fed to z is noise."""
    findings: list[Finding] = []
    batches = [
        [Batch({name: tuple(rows) for name, rows in given.items()}, frozenset({"z:0"}))]
        for given in ranks
    ]
    said = DataComparison(findings).compare_rows(batches, Voice(findings, "train.py", 3, "train"))
    return said, findings


def test_rows_of_each_ranks_own_are_right() -> None:
    given = {"images:0": "abc", "z:0": "uv"}, {"images:0": "def", "z:0": "wx"}
    assert shared(*given) == (set(), [])


def test_noise_that_is_alike_is_no_data_to_be_divided() -> None:
    said, [finding] = shared({"images:0": "abc", "z:0": "uv"}, {"images:0": "def", "z:0": "uv"})
    assert said == {"noise"}
    assert "2 of 2 rows of noise" in finding.message
    assert "what is fed to z from a seed" in finding.message
    assert "NPU702" in finding.advice and "shard" not in finding.advice


def test_data_that_is_alike_is_named() -> None:
    said, [finding] = shared({"images:0": "abc", "z:0": "uv"}, {"images:0": "abd", "z:0": "wx"})
    assert said == {"data"}
    assert finding.message.endswith("2 of 4 rows were trained on by several ranks: those of images")
    assert "shard" in finding.advice


def test_data_and_noise_that_are_alike_are_two_things() -> None:
    same = {"images:0": "abc", "z:0": "uv"}
    said, findings = shared(same, same)
    assert said == {"data", "noise"}
    assert [finding.code for finding in findings] == ["CHK974", "CHK974"]

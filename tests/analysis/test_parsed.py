"""What stays parsed."""

from __future__ import annotations

import ast

import pytest

from migrate.analysis import parsed
from migrate.analysis.parsed import Parsed

TREE = ast.parse("")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    monkeypatch.setattr(parsed, "_LEAST", 400)
    return Parsed(10**9)


def test_the_tree_of_a_text_is_given_once(small: Parsed) -> None:
    small.expect(b"x = 1", TREE)
    assert small.expected(b"x = 1") is TREE
    assert small.expected(b"x = 1") is None


def test_the_oldest_trees_make_room(small: Parsed) -> None:
    texts = [bytes([letter]) * 30 for letter in b"abcde"]
    for text in texts:
        small.expect(text, TREE)
        small.expect(text, TREE)  # again is not more
    kept = [text for text in texts if small.expected(text) is not None]
    assert kept == texts[2:]
    assert small.expected(b"x" * 101) is None
    small.expect(b"x" * 101, TREE)
    assert small.expected(b"x" * 101) is None

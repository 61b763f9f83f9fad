"""The four real upstreams, from the mirror that MIGRATE_MIRROR names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrate.upstream.load import Loaded, load, resolve
from migrate.upstream.lock import read_lock

MIRROR = os.environ.get("MIGRATE_MIRROR", "")
PINS = read_lock(Path(__file__).parents[2] / "upstream.lock")

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not MIRROR, reason="MIGRATE_MIRROR is not set"),
]


def read(name: str, cache: Path, *leave_out: str) -> Loaded:
    return load(PINS[name], mirror=MIRROR, cache=cache, leave_out=[".DS_Store", *leave_out])


@pytest.mark.parametrize(
    ("name", "leave_out", "files", "python"),
    [
        ("biggan", "assets/**", 9, 6),
        ("ssgan", "figure/**", 16, 13),
        ("realmix", "results/**", 38, 33),
        ("vgg19", "docs/**", 112, 87),
    ],
)
def test_a_pin_is_read_whole(
    name: str, leave_out: str, files: int, python: int, cache: Path
) -> None:
    loaded = read(name, cache, leave_out)
    found = loaded.source.files
    assert (len(found), sum(path.endswith(".py") for path in found)) == (files, python)
    assert loaded.source.findings == ()
    assert loaded.pin == PINS[name]
    assert found["LICENSE"].data
    assert not cache.exists()


def test_a_prefix_of_the_pin_is_found(cache: Path) -> None:
    for pin in PINS.values():
        assert resolve(pin, pin.commit[:10], mirror=MIRROR, cache=cache).tree == pin.tree

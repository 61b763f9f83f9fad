"""What can be got to, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet


def reached(roots: Iterable[str], step: Callable[[str], AbstractSet[str]]) -> set[str]:
    """The roots and all that following the step leads to."""
    seen: set[str] = set()
    queue = list(roots)
    while queue:
        key = queue.pop()
        if key not in seen:
            seen.add(key)
            queue += step(key) - seen
    return seen

"""What can be got to, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def reached(roots: Iterable[str], step: Callable[[str], Iterable[str]]) -> set[str]:
    """The roots and all that following the step leads to."""
    seen = set(roots)
    queue = list(seen)
    while queue:
        for key in step(queue.pop()):
            if key not in seen:
                seen.add(key)
                queue.append(key)
    return seen

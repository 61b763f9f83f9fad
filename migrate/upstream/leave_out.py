"""Which files a port leaves out, by patterns written as in .gitignore."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from migrate.errors import UsageError


def matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a function that tells whether a path is left out.

    A pattern means what it means in a .gitignore at the project's root: ``figure/**`` is all
    below that folder, ``.DS_Store`` any file or folder of that name at any depth, ``data/`` only a
    folder. Whether upper and lower case differ does not depend on the machine: they do.

    Args:
        patterns: the patterns; ``!`` (take in again) is not for leave-outs.

    Raises:
        UsageError: a pattern is not valid.
    """
    if not patterns:
        return lambda path: False
    # Imported here: many projects leave nothing out.
    from pathspec import GitIgnoreSpec

    for pattern in patterns:
        if not pattern.strip() or pattern.startswith(("!", "#")):
            advice = "Write it as in .gitignore, such as figure/** or .DS_Store."
            raise UsageError(f"{pattern!r} is not a pattern", where="leave_out", advice=advice)
    try:
        return GitIgnoreSpec.from_lines(patterns).match_file
    except ValueError as error:
        raise UsageError(f"a pattern is not valid: {error}", where="leave_out") from None

"""From the tree of a commit to the files of a project.

Findings:
    NPU910  an entry that a port cannot hold is skipped: a submodule, or a symbolic link that is
            not one Python file's second name.
    NPU911  an entry is refused for its name, which is hostile or not portable.
    NPU912  a file is refused because another has its name in other letter case.
    NPU913  a file is only a Git LFS pointer; it is copied as it is.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from migrate.errors import MigrateError, UsageError
from migrate.findings import Finding
from migrate.upstream.leave_out import matcher
from migrate.upstream.names import MAX_PATH, clashes, printable
from migrate.upstream.objects import ObjectStore
from migrate.upstream.tree import EXECUTABLE, LINK, REGULAR, SourceFile, SourceTree
from migrate.upstream.walk import LEAVE_OUT, Entry, Walker, finding

_LICENCE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE)([-.][A-Z0-9.+-]*)?", re.IGNORECASE)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_LFS_MAX = 1024  # bytes; what the specification allows a pointer


class Limits(NamedTuple):
    """What a project may have at most.

    Args:
        files: files that the port takes.
        file_bytes: bytes of one file.
        total_bytes: bytes of all files.
        entries: files and folders looked at.
    """

    files: int = 20_000
    file_bytes: int = 100 * 2**20
    total_bytes: int = 2**30
    entries: int = 1_000_000


def read_project(
    store: ObjectStore,
    tree: str,
    path: str = "",
    leave_out: Sequence[str] = (),
    limits: Limits | None = None,
) -> SourceTree:
    """Read the files below one folder of a tree, touching no object that is left out.

    A folder without a licence file or without a notice gets those of the tree's root.

    Args:
        store: where the objects are.
        tree: the id of a commit's tree.
        path: the folder that becomes the root; empty for all.
        leave_out: patterns of what is not wanted, as in .gitignore, from that root.
        limits: what makes a project too large.

    Raises:
        UsageError: a pattern is not valid, there is no such folder, or nothing is left in it.
        MigrateError: it is too large, or an object is missing or damaged.
    """
    limits = limits or Limits()
    walker = Walker(store, matcher(leave_out), limits.entries)
    entries = list(walker.below(walker.descend(tree, path)))
    if path:
        entries += walker.taken(_licences(walker.folder(tree), entries))
    entries.sort(key=lambda entry: entry.path)
    if not entries:
        raise UsageError(f"{path or 'the repository'} has no file that is not left out")
    _check_count(entries, limits)
    files = [entry for entry in entries if entry.is_file]
    links = [entry for entry in entries if entry.is_link]
    sizes = store.sizes(entry.oid for entry in (*files, *links))
    read = {entry.path: _link(store, entry, sizes) for entry in links}
    names = {entry.path for entry in files}
    kept = {path: link for path, link in read.items() if link and _is_second_name(link, names)}
    # A link is the one to give way: what it leads to may lie in what it clashes with.
    clashing = clashes([*sorted(names), *sorted(kept)])
    files = [entry for entry in files if entry.path not in clashing]
    _check_sizes(store, files, sizes, limits)
    sources = {entry.path: _source(store, entry, sizes) for entry in files}
    kept = {p: link for p, link in kept.items() if p not in clashing and link.target in sources}
    findings = [
        *walker.findings,
        *(_clash(path, other) for path, other in clashing.items()),
        *(_submodule(entry) for entry in entries if not (entry.is_file or entry.is_link)),
        *(
            _skipped(path, link, sources)
            for path, link in read.items()
            if path not in kept and path not in clashing
        ),
        *_lfs(sources.values()),
    ]
    taken = dict(sorted({**sources, **kept}.items()))
    left_out = tuple(sorted(walker.left_out))
    return SourceTree(taken, tuple(sorted(findings)), left_out, beside=walker.beside)


def _licences(root: Sequence[Entry], project: Sequence[Entry]) -> Iterator[Entry]:
    own = {_licence(entry) for entry in project if entry.path == entry.name}
    yield from (entry for entry in root if (kind := _licence(entry)) and kind not in own)


def _licence(entry: Entry) -> str:
    """``licence`` or ``notice`` when the file is one, by its name; else empty."""
    match = _LICENCE.fullmatch(entry.name)
    if not match or entry.is_folder or entry.name.lower().endswith(".py"):
        return ""
    return "notice" if match[1].upper() == "NOTICE" else "licence"


def _check_count(entries: Sequence[Entry], limits: Limits) -> None:
    if len(entries) > limits.files:
        folders = Counter(entry.path.partition("/")[0] for entry in entries if "/" in entry.path)
        most = ", ".join(f"{printable(name)}/ ({n:,})" for name, n in folders.most_common(3))
        raise MigrateError(
            f"the project has {len(entries):,} files; the limit is {limits.files:,}",
            advice=f"Most are in {most}. {LEAVE_OUT}" if most else LEAVE_OUT,
        )


def _check_sizes(
    store: ObjectStore, files: Sequence[Entry], sizes: Mapping[str, int], limits: Limits
) -> None:
    missing = [(printable(entry.path), entry.oid) for entry in files if entry.oid not in sizes]
    if missing:
        raise store.missing(missing)
    largest = sorted(files, key=lambda entry: -sizes[entry.oid])[:3]
    total = sum(sizes[entry.oid] for entry in files)
    if largest and sizes[largest[0].oid] > limits.file_bytes:
        raise MigrateError(
            f"the file has {sizes[largest[0].oid]:,} bytes; the limit is {limits.file_bytes:,}",
            where=printable(largest[0].path),
            advice=LEAVE_OUT,
        )
    if total > limits.total_bytes:
        most = ", ".join(f"{printable(entry.path)} ({sizes[entry.oid]:,})" for entry in largest)
        raise MigrateError(
            f"the project has {total:,} bytes; the limit is {limits.total_bytes:,}",
            advice=f"The largest files are {most}. {LEAVE_OUT}",
        )


def _source(store: ObjectStore, entry: Entry, sizes: Mapping[str, int]) -> SourceFile:
    data = store.read(entry.oid, "blob", entry.path, limit=sizes[entry.oid])
    # Old commits have other modes, such as 100664; git itself writes these two.
    return SourceFile(entry.path, data, EXECUTABLE if entry.mode & 0o100 else REGULAR)


def _clash(path: str, other: str) -> Finding:
    message = f"refused: it is {printable(other)} too where letter case does not count"
    return finding(path, "NPU912", "error", message, "Leave one of the two out (leave_out).")


def _submodule(entry: Entry) -> Finding:
    message = f"skipped: a submodule, at commit {entry.oid}"
    advice = "Its code is not in the port. Pin its repository as an upstream of its own."
    return finding(entry.path, "NPU910", "warning", message, advice)


def _link(store: ObjectStore, entry: Entry, sizes: Mapping[str, int]) -> SourceFile | None:
    """A symbolic link; None where it leads nowhere that could be a path."""
    if sizes.get(entry.oid, MAX_PATH + 1) > MAX_PATH:
        return None
    return SourceFile(entry.path, store.read(entry.oid, "blob", entry.path), LINK)


def _is_second_name(link: SourceFile, names: Collection[str]) -> bool:
    """Whether a link leads from one Python file's name straight to a Python file of the project."""
    text = link.data.decode(errors="surrogateescape")
    # What goes up only at its beginning passes no folder that may be missing, or a link itself.
    is_straight = posixpath.normpath(text) == text.removeprefix("./")
    both = link.path.endswith(".py") and link.target.endswith(".py")
    return is_straight and both and link.target in names


def _skipped(path: str, link: SourceFile | None, sources: Mapping[str, SourceFile]) -> Finding:
    if link is None:
        message = "skipped: a symbolic link whose target cannot be read"
        return finding(path, "NPU910", "warning", message, LEAVE_OUT)
    message = f"skipped: a symbolic link to {printable(link.data.decode(errors='surrogateescape'))}"
    below = "" if link.target == "." else f"{link.target}/"
    leads_to_code = any(
        name.endswith(".py") and (name == link.target or name.startswith(below)) for name in sources
    )
    if path.endswith(".py") or leads_to_code:
        message += ", so the port lacks Python code that upstream has here"
        advice = f"Put what it points to in its place by hand. {LEAVE_OUT}"
        return finding(path, "NPU910", "error", message, advice)
    return finding(path, "NPU910", "warning", message, LEAVE_OUT)


def _lfs(files: Iterable[SourceFile]) -> Iterator[Finding]:
    message = "only a Git LFS pointer is in the commit; copied as it is"
    advice = "Get the file itself with `git lfs pull` in a clone of upstream."
    for file in files:
        if file.data.startswith(_LFS_POINTER) and len(file.data) < _LFS_MAX:
            yield finding(file.path, "NPU913", "warning", message, advice)

"""Repositories of our own content, written object by object so that they can be hostile too."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from migrate.upstream.pin import Pin

FILE = "100644"
SCRIPT = "100755"
LINK = "120000"
SUBMODULE = "160000"
FOLDER = "40000"

Tree = Iterable[tuple[str, bytes | str, str]]


class Upstream:
    """A bare repository like those that a mirror holds: it has no ``config`` file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for part in ("objects", "refs/heads"):
            (path / part).mkdir(parents=True)
        (path / "HEAD").write_text("ref: refs/heads/master\n")

    def object(self, kind: str, data: bytes) -> str:
        content = b"%s %d\0%s" % (kind.encode(), len(data), data)
        oid = hashlib.sha1(content).hexdigest()
        self.loose(oid).parent.mkdir(exist_ok=True)
        self.loose(oid).write_bytes(zlib.compress(content))
        return oid

    def loose(self, oid: str) -> Path:
        return self.path / "objects" / oid[:2] / oid[2:]

    def blob(self, data: bytes) -> str:
        return self.object("blob", data)

    def tree(self, entries: Tree) -> str:
        data = b""
        for mode, name, oid in entries:
            raw = name.encode() if isinstance(name, str) else name
            data += b"%s %s\0%s" % (mode.encode(), raw, bytes.fromhex(oid))
        return self.object("tree", data)

    def files(self, files: Mapping[str, bytes]) -> str:
        """The tree that holds these files."""
        folders: dict[str, dict[str, bytes]] = {}
        entries = []
        for path, data in files.items():
            name, _, rest = path.partition("/")
            if rest:
                folders.setdefault(name, {})[rest] = data
            else:
                entries.append((FILE, name, self.blob(data)))
        entries += [(FOLDER, name, self.files(inside)) for name, inside in folders.items()]
        # git sorts a folder as if its name ended with a slash.
        entries.sort(key=lambda entry: entry[1] + "/" * (entry[0] == FOLDER))
        return self.tree(entries)

    def commit(
        self,
        tree: str,
        subject: str = "Change",
        *,
        parent: str = "",
        time: int = 1_500_000_000,
        branch: str = "master",
    ) -> str:
        who = f"A U Thor <author@example.com> {time} +0000"
        lines = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
        lines += [f"author {who}", f"committer {who}", "", subject, ""]
        oid = self.object("commit", "\n".join(lines).encode())
        (self.path / "refs" / "heads" / branch).write_text(f"{oid}\n")
        return oid

    def serve(self, settings: str = "allowFilter = true\n\tallowAnySHA1InWant = true") -> None:
        """Let it be fetched from."""
        (self.path / "config").write_text(f"[core]\n\tbare = true\n[uploadpack]\n\t{settings}\n")

    def snapshot(self) -> dict[str, tuple[int, int]]:
        found = {}
        for path in sorted(self.path.rglob("*")):
            status = path.stat()
            found[str(path)] = (status.st_mtime_ns, status.st_size)
        return found


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def upstream(mirror: Path) -> Upstream:
    return Upstream(mirror / "owner" / "gan.git")


@pytest.fixture
def pinned(upstream: Upstream) -> Callable[..., Pin]:
    """Commit a tree and return the pin of it."""

    def make(tree: str, path: str = "") -> Pin:
        commit = upstream.commit(tree)
        return Pin("gan", "https://github.com/owner/gan.git", commit, tree, path)

    return make

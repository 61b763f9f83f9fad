"""The patch series: a base import commit, one patch per step, the same bytes on every machine.

The commits live in a bare repository in a temporary folder, made by one ``git fast-import``, and
the patches come from one ``git format-patch``. Nothing of the user's git reaches either: not the
configuration, not the environment, not the attributes that an upstream may carry.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from migrate.errors import MigrateError
from migrate.upstream.gitenv import GET_GIT
from migrate.upstream.tree import EXECUTABLE, LINK, REGULAR, SourceFile

PATCH_NAME = re.compile(r"[0-9]{4}-[a-z0-9][a-z0-9-]*\.patch")

_STEP_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_REF = "refs/heads/series"
# 2020-01-01. A real clock would make every run's bytes differ.
_IDENTITY = b"migrate <migrate@ascend.invalid> 1577836800 +0000"

# compression: the zlib in use would otherwise decide the bytes of a binary patch. unpackLimit: one
# pack, not a loose file per object. HEAD names no branch of ours, so that no git version takes
# attributes from the upstream's tree.
_CONFIG = f"""\
[core]
\trepositoryformatversion = 0
\tbare = true
\tcompression = 0
\tfsync = none
\tquotePath = true
\tattributesFile = {os.devnull}
[fastimport]
\tunpackLimit = 0
[i18n]
\tcommitEncoding = UTF-8
\tlogOutputEncoding = UTF-8
"""

# What git needs to start; all else (GIT_*, LC_*, TZ, HOME, XDG_*, COLUMNS) could change the bytes.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")

_DIFF_OPTIONS = (
    "--patch",
    "--full-index",
    "--binary",
    "--no-renames",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--unified=3",
    "--inter-hunk-context=0",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
# --zero-commit: a patch then changes only when its own content does, not when an earlier one does.
_PATCH_OPTIONS = (
    "--stat=80",
    "--summary",
    "--no-signature",
    "--zero-commit",
    "--no-numbered",
    "--no-encode-email-headers",
)

# Lines of a commit message that `git am` takes for a mail's end, a header or the patch's start.
_MAIL_SYNTAX = re.compile(r"(?m)^(?=>?From |From:|Subject:|Date:|---|diff -|Index: )")
# What a path in quotes must escape.
_SPECIAL = re.compile(rb'[^ -~]|["\\]')


class Step(NamedTuple):
    """One commit of the series.

    Args:
        name: lower-case letters, digits and hyphens; names the patch file.
        subject: the commit's first line.
        body: the rest of its message; may be empty.
        files: the complete tree after this step, by path.
    """

    name: str
    subject: str
    body: str
    files: Mapping[str, SourceFile]


class Series(NamedTuple):
    """What the steps became.

    Args:
        base_commit: id of the import commit, which has no parent.
        tree: id of the last commit's tree.
        patches: file name and bytes, in order; steps that changed nothing have none.
    """

    base_commit: str
    tree: str
    patches: tuple[tuple[str, bytes], ...]

    @property
    def series_file(self) -> bytes:
        """The text of the file ``series``: the patches' names in order, one a line."""
        return b"".join(f"{name}\n".encode() for name, _ in self.patches)

    @property
    def digest(self) -> str:
        """One digest over base, tree and patches; see `series_digest`."""
        digests = [(name, hashlib.sha256(data).hexdigest()) for name, data in self.patches]
        return series_digest(self.base_commit, self.tree, digests)


def series_digest(base_commit: str, tree: str, patches: Sequence[tuple[str, str]]) -> str:
    """The sha256 that names a series.

    Args:
        base_commit: id of the import commit.
        tree: id of the tree after the last patch.
        patches: file name and sha256 of each patch, in order.
    """
    lines = [f"base {base_commit}", f"tree {tree}"]
    lines += [f"{digest}  {name}" for name, digest in patches]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def build_series(base: Mapping[str, SourceFile], message: str, steps: Sequence[Step]) -> Series:
    """Turn trees into a series that ``git am --keep-cr`` applies byte for byte.

    Args:
        base: the files of the import commit, by path.
        message: the import commit's message.
        steps: the trees that follow; one that equals its predecessor is skipped.

    Raises:
        MigrateError: git is missing or failed (for example, the temporary folder is full).
        ValueError: a step's name or subject cannot name a patch, or a tree fails `check_tree`.
    """
    for step in steps:
        check_tree(step.files)
        if not _STEP_NAME.fullmatch(step.name):
            raise ValueError(f"step name {step.name!r}: expected a-z, 0-9 and hyphens")
        if not step.subject.strip() or "\n" in step.subject:
            raise ValueError(f"step {step.name}: the subject must be one line of text")
    check_tree(base)
    kept = named_steps(base, steps)
    commits = [(message, base), *((_message(step), step.files) for _, step in kept)]

    with _repository() as repository:
        ids, tree = _import(repository, commits)
        patches: list[tuple[str, bytes]] = []
        if kept:
            out = repository / "patches"
            _git(
                repository,
                "format-patch",
                "--quiet",
                f"--output-directory={out}",
                "--numbered-files",
                *_PATCH_OPTIONS,
                *_DIFF_OPTIONS,
                f"{ids[0]}..{ids[-1]}",
            )
            for number, (name, _) in enumerate(kept, start=1):
                patches.append((name, (out / str(number)).read_bytes()))
    return Series(ids[0], tree, tuple(patches))


def named_steps(base: Mapping[str, SourceFile], steps: Sequence[Step]) -> list[tuple[str, Step]]:
    """The steps that change something, each with the file name of its patch.

    Args:
        base: the files before the first step, by path.
        steps: as for `build_series`.
    """
    kept: list[tuple[str, Step]] = []
    for step in steps:
        if step.files != (kept[-1][1].files if kept else base):
            kept.append((f"{len(kept) + 1:04}-{step.name}.patch", step))
    return kept


def unified_diff(before: Mapping[str, SourceFile], after: Mapping[str, SourceFile]) -> bytes:
    """The difference of two trees in git's format; empty when they are equal.

    Args:
        before: the files on the minus side, by path.
        after: the files on the plus side, by path.

    Raises:
        MigrateError: git is missing or failed.
        ValueError: a tree fails `check_tree`.
    """
    check_tree(before)
    check_tree(after)
    if before == after:
        return b""
    with _repository() as repository:
        ids, _ = _import(repository, [("before", before), ("after", after)])
        return _git(repository, "diff-tree", "-r", *_DIFF_OPTIONS, *ids)


def check_tree(files: Mapping[str, SourceFile]) -> None:
    """Refuse a tree that git or a file system cannot hold, or that reaches outside of its folder.

    Args:
        files: a tree, by path.

    Raises:
        ValueError: a path, a mode or a clash; the caller should have kept it out.
    """
    folders: set[str] = set()
    for path, file in files.items():
        parts = path.split("/")
        if not {"", ".", "..", ".git"}.isdisjoint(parts) or "\0" in path:
            raise ValueError(f"{path!r}: not a path below the project's root")
        if file.mode == LINK:
            if file.target not in files or files[file.target].mode == LINK:
                raise ValueError(f"{path}: a link to no file of the tree")
        elif file.mode not in (REGULAR, EXECUTABLE):
            raise ValueError(f"{path}: mode {file.mode:o} is none of 100644, 100755 and 120000")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    for path in folders & files.keys():
        raise ValueError(f"{path}: both a file and a folder")


def _message(step: Step) -> str:
    body = _MAIL_SYNTAX.sub("    ", step.body.strip("\n"))
    return f"{step.subject.strip()}\n\n{body}\n" if body else f"{step.subject.strip()}\n"


@contextmanager
def _repository() -> Iterator[Path]:
    """An empty bare repository that is gone afterwards."""
    try:
        with tempfile.TemporaryDirectory(prefix="migrate-series-") as folder:
            # By hand: `git init` is one more process and copies the user's templates.
            repository = Path(folder)
            for part in ("objects", "refs"):
                (repository / part).mkdir()
            (repository / "HEAD").write_text("ref: refs/heads/unborn\n", encoding="ascii")
            (repository / "config").write_text(_CONFIG, encoding="ascii")
            yield repository
    except OSError as error:
        raise MigrateError(
            f"cannot build the patch series: {error.strerror or error}",
            where=os.fsdecode(error.filename or tempfile.gettempdir()),
            advice="The temporary folder must be writable and have space; TMPDIR names another.",
        ) from error


def _import(
    repository: Path, commits: Sequence[tuple[str, Mapping[str, SourceFile]]]
) -> tuple[list[str], str]:
    """Store commits, each the parent of the next; returns their ids and the last one's tree."""
    answer = _git(
        repository,
        "fast-import",
        "--quiet",
        "--done",
        "--depth=0",  # no deltas: the repository is thrown away
        stdin=_import_stream(commits),
    )
    *ids, listing = answer.decode("ascii").splitlines()
    return ids, listing.split()[2]


def _import_stream(commits: Sequence[tuple[str, Mapping[str, SourceFile]]]) -> Iterator[bytes]:
    """The commits in fast-import's language, only what changed from one to the next."""
    before: Mapping[str, SourceFile] = {}
    for number, (message, files) in enumerate(commits, start=1):
        text = message.encode()
        yield b"commit %s\nmark :%d\n" % (_REF.encode(), number)
        yield b"author %s\ncommitter %s\n" % (_IDENTITY, _IDENTITY)
        yield b"data %d\n%s\n" % (len(text), text)
        # Deletions first, or a file that became a folder would take the folder with it.
        for path in sorted(before.keys() - files.keys()):
            yield b"D %s\n" % _quoted(path)
        for path in sorted(files):
            file = files[path]
            if before.get(path) != file:
                yield b"M %o inline %s\ndata %d\n" % (file.mode, _quoted(path), len(file.data))
                yield file.data
                yield b"\n"
        before = files
    for number in range(1, len(commits) + 1):
        yield b"get-mark :%d\n" % number
    yield b'ls :%d ""\ndone\n' % len(commits)


def _quoted(path: str) -> bytes:
    """A path in git's C-style quotes, so that no character in it means anything."""
    raw = path.encode("utf-8", "surrogateescape")
    return b'"%s"' % _SPECIAL.sub(lambda match: b"\\%03o" % match[0][0], raw)


def _git(repository: Path, command: str, *options: str, stdin: Iterable[bytes] = ()) -> bytes:
    """Run git in the repository and return what it prints."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "GIT_DIR": str(repository),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "HOME": str(repository),
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    try:
        process = subprocess.Popen(
            ["git", command, *options],
            cwd=repository,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise MigrateError("git was not found", advice=GET_GIT) from error
    with process:
        assert process.stdin is not None
        try:
            # Written piece by piece: a joined copy of a large tree would double the memory. git
            # answers only at the end and in a few lines, so nobody waits for the other here.
            process.stdin.writelines(stdin)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # git gave up; its message says why
        output, errors = process.communicate()
    if process.returncode:
        reason = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise MigrateError(
            f"git {command} failed: {reason[0]}",
            advice="Is there space in the temporary folder? `migrate doctor` checks git itself.",
        )
    return output

"""What each file of a port is, in a line, and the tree of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from migrate.readmes.chinese import FILES
from migrate.upstream.names import printable
from migrate.upstream.tree import SourceFile

_LENGTH = 72  # of what a line says about a file
_MANY = 8  # so many data files of a kind in a folder become one line
_DOCSTRING = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:[ \t\r]*(?:#[^\n]*)?\n)*"  # a line matches in one way only
    rb"[uUrR]{0,2}(\"\"\"|'''|\"|')(.*?)(?:\1)",
    re.DOTALL,
)
_LEGAL = re.compile(r"copyright|licen[cs]e|©", re.IGNORECASE)
_DEFINED = re.compile(rb"^(?:class|def)[ \t]+([A-Za-z][A-Za-z0-9_]*)", re.MULTILINE)
_KINDS = {  # what files are by their suffix: Chinese, English
    ".py": ("Python 模块", "Python module"),
    ".sh": ("shell 脚本", "shell script"),
    ".bash": ("shell 脚本", "shell script"),
    ".md": ("说明文档", "document"),
    ".rst": ("说明文档", "document"),
    ".txt": ("文本", "text"),
    ".ipynb": ("Jupyter 笔记本", "Jupyter notebook"),
    ".json": ("JSON 数据", "JSON data"),
    ".yaml": ("配置", "configuration"),
    ".yml": ("配置", "configuration"),
    ".toml": ("配置", "configuration"),
    ".cfg": ("配置", "configuration"),
    ".ini": ("配置", "configuration"),
    ".csv": ("表格数据", "table of data"),
    ".png": ("图片", "picture"),
    ".jpg": ("图片", "picture"),
    ".jpeg": ("图片", "picture"),
    ".gif": ("图片", "picture"),
    ".svg": ("图片", "picture"),
    ".pdf": ("PDF 文档", "PDF document"),
    ".proto": ("protobuf 定义", "protobuf definition"),
    ".cc": ("C++ 源码", "C++ source"),
    ".cpp": ("C++ 源码", "C++ source"),
    ".cu": ("CUDA 源码", "CUDA source"),
    ".h": ("C/C++ 头文件", "C/C++ header"),
    ".tfrecord": ("TFRecord 数据", "TFRecord data"),
    ".npy": ("NumPy 数据", "NumPy data"),
    ".npz": ("NumPy 数据", "NumPy data"),
}
_NAMES = {  # and by their whole name
    "BUILD": ("Bazel 构建文件", "Bazel build file"),
    "WORKSPACE": ("Bazel 工作区", "Bazel workspace"),
    "Makefile": ("make 构建文件", "make file"),
    "AUTHORS": ("作者名单", "authors"),
    ".gitignore": ("git 忽略的文件", "what git ignores"),
    "requirements.txt": ("Python 依赖", "Python packages that it needs"),
    "setup.py": ("安装脚本", "set-up script"),
    "LICENSE": ("许可证", "licence"),
    "LICENSE.txt": ("许可证", "licence"),
    "LICENSE.md": ("许可证", "licence"),
    "COPYING": ("许可证", "licence"),
    "README": ("上游说明文档", "upstream's document"),
    "__init__.py": ("Python 包", "Python package"),
}


def tree(
    files: Mapping[str, SourceFile | None], language: str, entries: Collection[str]
) -> Iterator[str]:
    """The port's files as lines of a tree, each with what it is.

    Args:
        files: those of the port, by path; None where nothing is known but the name.
        language: ``zh`` or ``en``.
        entries: the scripts that a person starts.
    """
    rows = list(_rows(_folded(files), "", ""))
    width = min(48, max((_wide(row[0]) for row in rows), default=0))
    for drawn, path, count in rows:
        says = _about(path, files, language, entries, count)
        yield f"{drawn}{' ' * (width - _wide(drawn))}  # {says}" if says else drawn


def _wide(text: str) -> int:
    return len(text)


def _folded(files: Mapping[str, SourceFile | None]) -> dict[str, int]:
    """Paths, many data files of a kind in one folder as one path with a star; and how many."""
    kinds = Counter(_kind(path) for path in files)
    found: dict[str, int] = {}
    for path in sorted(files):
        kind = _kind(path)
        name = PurePosixPath(path).name
        keep = path.endswith(".py") or "." not in name or kinds[kind] <= _MANY
        shown = path if keep else f"{kind[0]}/*{kind[1]}".lstrip("/")
        found[shown] = found.get(shown, 0) + 1
    return found


def _kind(path: str) -> tuple[str, str]:
    return path.rpartition("/")[0], PurePosixPath(path).suffix


def _rows(paths: Mapping[str, int], folder: str, indent: str) -> Iterator[tuple[str, str, int]]:
    """Each line as it is drawn, its path (a folder's ends with a slash), how many files it is."""
    below = [path for path in paths if path.startswith(folder)]
    names = sorted({path[len(folder) :].partition("/")[0] for path in below})
    folders = {
        path[len(folder) :].partition("/")[0] for path in below if "/" in path[len(folder) :]
    }
    names.sort(key=lambda name: (name in folders, name))  # files first
    for index, name in enumerate(names):
        last = index == len(names) - 1
        path = f"{folder}{name}"
        slash = "/" if name in folders else ""
        yield (
            f"{indent}{'└── ' if last else '├── '}{printable(name)}{slash}",
            path + slash,
            paths.get(path, 1),
        )
        if slash:
            inner = {p: n for p, n in paths.items() if p.startswith(f"{path}/")}
            yield from _rows(inner, f"{path}/", indent + ("    " if last else "│   "))


def _about(
    path: str,
    files: Mapping[str, SourceFile | None],
    language: str,
    entries: Collection[str],
    count: int,
) -> str:
    place = 0 if language == "zh" else 1
    if path in FILES:
        return FILES[path][place]
    if path.endswith("/"):
        return ""  # its files say what it holds
    said = _said(path, files, place)
    if count > 1:
        return f"{count} 个文件：{said}" if language == "zh" else f"{count} files: {said}"
    if path in entries:
        return f"入口；{said}" if language == "zh" else f"entry; {said}"
    return said


def _said(path: str, files: Mapping[str, SourceFile | None], place: int) -> str:
    name = PurePosixPath(path).name
    file = files.get(path)
    if path.endswith(".py") and file is not None:
        if text := _docstring(file.data):
            return text
        names = [found.decode() for found in _DEFINED.findall(file.data)]
        if names:
            said = ("定义 ", "defines ")[place] + ", ".join(names[:4])
            return said + ((" 等", " and more")[place] if len(names) > 4 else "")
    if name.upper().startswith("README") and "_UPSTREAM" not in name.upper() and name != "README":
        return _KINDS[".md"][place]
    known = _NAMES.get(name) or _KINDS.get(PurePosixPath(path).suffix.lower())
    return known[place] if known else ("文件", "file")[place]


def _docstring(data: bytes) -> str:
    """The first sentence of a module's docstring; empty without one, and where it is a licence."""
    found = _DOCSTRING.match(data)
    if found is None:
        return ""
    paragraph = found[2].decode("utf-8", "replace").strip().partition("\n\n")[0]
    words = " ".join(paragraph.split())
    sentence = re.split(r"(?<=[.!?]) ", words)[0].rstrip(".")
    if _LEGAL.search(sentence):
        return ""
    text = printable(sentence)
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1].rstrip() + "…"

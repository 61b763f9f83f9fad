"""The parsed files that are kept, as memory allows: a tree takes some 50 times its source."""

from __future__ import annotations

import ast
from collections import OrderedDict
from collections.abc import Collection

from migrate.analysis.module import Module

# Bytes that a port may take, measured on 2,620 files with 28 MB of source: of them, a byte of a
# project takes 6 whatever is kept, and one that is parsed 55 more.
_MEMORY = 265_000_000
_A_BYTE, _A_PARSED_BYTE = 6, 55
_LEAST = 1_000_000


class Parsed:
    """Parsed files by path.

    A project is gone through file after file, many times over. Were only the latest kept, none of
    a large one would still be there when its turn comes again. So those that are parsed first stay,
    or those that are favoured, and only the others make room for one another.

    Args:
        size: of all files that may come, in bytes.

    Attributes:
        most: how much is kept, in bytes of source.
    """

    def __init__(self, size: int) -> None:
        self.most = max(_LEAST, (_MEMORY - size * _A_BYTE) // _A_PARSED_BYTE)
        self._fits = size <= self.most
        self._staying: dict[str, Module] = {}
        self._passing: OrderedDict[str, Module] = OrderedDict()
        # Trees of texts that are not looked at yet.
        self._expected: OrderedDict[bytes, ast.Module] = OrderedDict()
        self._staying_size = self._passing_size = self._expected_size = 0

    def get(self, path: str) -> Module | None:
        module = self._staying.get(path)
        if module is None and (module := self._passing.get(path)) is not None:
            self._passing.move_to_end(path)
        return module

    def keep(self, path: str, module: Module) -> None:
        """Adds a file that is not there, and drops others where it must."""
        size = len(module.source.data)
        if self._staying_size + size <= self.most * 3 // 4:
            self._staying[path] = module
            self._staying_size += size
        else:
            self._passing[path] = module
            self._passing_size += size
        sizes = self._staying_size + self._expected_size
        while sizes + self._passing_size > self.most and len(self._passing) > 1:
            _, dropped = self._passing.popitem(last=False)
            self._passing_size -= len(dropped.source.data)

    def drop(self, path: str) -> None:
        if (module := self._staying.pop(path, None)) is not None:
            self._staying_size -= len(module.source.data)
        if (module := self._passing.pop(path, None)) is not None:
            self._passing_size -= len(module.source.data)

    def expect(self, data: bytes, tree: ast.Module) -> None:
        """Keeps the tree of a text that may have to be parsed soon."""
        self.expected(data)
        self._expected[data] = tree
        self._expected_size += len(data)
        while self._expected_size > self.most // 4:
            dropped, _ = self._expected.popitem(last=False)
            self._expected_size -= len(dropped)

    def expected(self, data: bytes) -> ast.Module | None:
        """The tree of a text, for one who keeps it from now on."""
        tree = self._expected.pop(data, None)
        if tree is not None:
            self._expected_size -= len(data)
        return tree

    def favour(self, paths: Collection[str]) -> None:
        """From now on, these files stay; all others make room for them, where they must."""
        if self._fits:
            return
        wanted = frozenset(paths)
        known = [*self._staying.items(), *self._passing.items()]
        self._staying.clear()
        self._passing = OrderedDict((path, m) for path, m in known if path not in wanted)
        self._staying_size = 0
        self._passing_size = sum(len(m.source.data) for m in self._passing.values())
        for path, module in known:
            if path in wanted:
                self.keep(path, module)

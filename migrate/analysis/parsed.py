"""The parsed files that are kept, as memory allows: a tree takes some 50 times its source."""

from __future__ import annotations

from collections import OrderedDict

from migrate.analysis.module import Module

# In bytes of source.
_STAYING = 3_000_000
_PASSING = 1_000_000


class Parsed:
    """Parsed files by path.

    A project is gone through file after file, many times over. Were only the latest kept, none of
    a large one would still be there when its turn comes again. So those that are parsed first stay,
    and only the others make room for one another.
    """

    def __init__(self) -> None:
        self._staying: dict[str, Module] = {}
        self._passing: OrderedDict[str, Module] = OrderedDict()
        self._staying_size = self._passing_size = 0

    def get(self, path: str) -> Module | None:
        module = self._staying.get(path)
        if module is None and (module := self._passing.get(path)) is not None:
            self._passing.move_to_end(path)
        return module

    def keep(self, path: str, module: Module) -> None:
        """Adds a file that is not there, and drops others where it must."""
        size = len(module.source.data)
        if self._staying_size + size <= _STAYING:
            self._staying[path] = module
            self._staying_size += size
            return
        self._passing[path] = module
        self._passing_size += size
        while self._passing_size > _PASSING and len(self._passing) > 1:
            _, dropped = self._passing.popitem(last=False)
            self._passing_size -= len(dropped.source.data)

    def drop(self, path: str) -> None:
        if (module := self._staying.pop(path, None)) is not None:
            self._staying_size -= len(module.source.data)
        if (module := self._passing.pop(path, None)) is not None:
            self._passing_size -= len(module.source.data)

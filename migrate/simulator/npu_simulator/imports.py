"""Calls a function right after a module was imported, whoever imports it."""

import importlib.machinery
import sys

_after = {}


def after_import(name, function):
    """Arranges a call.

    Args:
        name: full name of the module. One that is imported already is passed on at once.
        function: called with the module, before the importer gets it.
    """
    if name in sys.modules:
        function(sys.modules[name])
        return
    if not _after:
        sys.meta_path.insert(0, _Finder)
    _after.setdefault(name, []).append(function)


class _Finder:
    """Lets the other finders find a module, and adds the calls to its loader."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _after:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        functions = _after.pop(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            for function in functions:
                function(module)

        spec.loader.exec_module = exec_module
        return spec

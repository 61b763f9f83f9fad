"""The command-line flags of a script: argparse, absl and tf.app.flags, over all that it imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.imported import imported_by
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, is_none, keyword
from migrate.analysis.project import Project

# tf.app.flags.DEFINE_x and absl.flags.DEFINE_x: the kind of x, and where its help stands.
_DEFINE = re.compile(r"(?:tensorflow|absl)\.flags\.DEFINE_(\w+)")
_KINDS = {
    "string": ("str", 2),
    "integer": ("int", 2),
    "float": ("float", 2),
    "bool": ("bool", 2),
    "boolean": ("bool", 2),
    "enum": ("str", 3),
    "list": ("list", 2),
    "spaceseplist": ("list", 2),
    "multi_string": ("list", 2),
    "multi_integer": ("list", 2),
}
_PARSER = "argparse.ArgumentParser"
_GROUPS = ("add_argument_group", "add_mutually_exclusive_group")


class Flag(NamedTuple):
    """One flag, as its definition says.

    Args:
        name: without dashes; of a positional argument, its name.
        kind: ``str``, ``int``, ``float``, ``bool``, ``list``, or the name of what converts it.
        default: the source text of the default; empty where there is none.
        value: the default itself where it is a literal, else None.
        choices: the legal values as source text; empty for any.
        help: what the definition says; empty where it says nothing.
        switch: given without a value.
        required: must be given.
        positional: given without its name.
        dest: what the code calls it, where the definition says so.
    """

    path: str
    line: int
    name: str
    kind: str
    default: str = ""
    value: object = None
    choices: tuple[str, ...] = ()
    help: str = ""
    switch: bool = False
    required: bool = False
    positional: bool = False
    dest: str = ""

    @property
    def attribute(self) -> str:
        """What the code calls it."""
        return self.dest or self.name.replace("-", "_")


def flags_of(project: Project, entry: str) -> list[Flag]:
    """The flags of a script, in the order of their definition; the entry's own first.

    Args:
        entry: path of the script. One that does not parse has none.
    """
    found: dict[str, Flag] = {}
    modules = [project.parsed(path) for path in imported_by(project, entry)]
    for module in modules:
        for flag in [*_argparse_flags(module), *_defined_flags(module)] if module else ():
            found.setdefault(flag.name, flag)
    for module in reversed(modules):  # the entry changes defaults last
        if module is not None:
            _set_defaults(module, found)
    return list(found.values())


def is_argparse(call: ast.Call) -> bool:
    """Whether a call that defines a flag is one of argparse; else it is absl's or TensorFlow's."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"


def default_of(call: ast.Call) -> ast.expr | None:
    """The default in a call that defines a flag."""
    if is_argparse(call):
        return _value(keyword(call, "default"))
    return argument(call, "default", 1) or _value(keyword(call, "default_value"))


def _argparse_flags(module: Module) -> Iterator[Flag]:
    for call, _ in module.calls:
        if isinstance(call.func, ast.Attribute) and is_argparse(call):
            names = [a.value for a in call.args if isinstance(a, ast.Constant)]
            texts = [name for name in names if isinstance(name, str)]
            if texts and _is_parser(module, call.func.value):
                yield _argparse_flag(module, call, texts)


def _is_parser(module: Module, node: ast.expr) -> bool:
    """Whether something is an ArgumentParser, or may be: a parameter that is called like one."""
    if module.instance_of(node) == _PARSER:
        return True
    if isinstance(node, ast.Name):
        found = module.lookup(node.id, node)
        bindings = found[1] if found else []
        for value in (binding.node for binding in bindings):
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                if value.func.attr in _GROUPS:
                    return _is_parser(module, value.func.value)
                if value.func.attr == "add_parser":
                    return True
        return "pars" in node.id.lower() and all(b.kind == "parameter" for b in bindings)
    return False


def _argparse_flag(module: Module, call: ast.Call, names: list[str]) -> Flag:
    long = [name for name in names if name.startswith("--")] or names
    action = _literal(call, "action")
    kind = keyword(call, "type")
    dest = _literal(call, "dest")
    given = _flag(module, call, long[0].lstrip("-"), default_of(call))._replace(
        dest=dest if isinstance(dest, str) else ""
    )
    if action in ("store_true", "store_false"):
        switched = "False" if action == "store_true" else "True"
        return given._replace(
            kind="bool",
            default=given.default or switched,
            value=given.value if given.default else action == "store_false",
            switch=True,
        )
    choices = keyword(call, "choices")
    elements = choices.value.elts if choices and isinstance(choices.value, _Sequence) else []
    return given._replace(
        kind="list" if _literal(call, "nargs") in ("*", "+") else _kind(module, kind, given.value),
        choices=tuple(module.text_of(element) for element in elements),
        required=_literal(call, "required") is True,
        positional=not names[0].startswith("-"),
    )


_Sequence = ast.List | ast.Tuple | ast.Set


def _kind(module: Module, given: ast.keyword | None, value: object) -> str:
    if given is not None:
        text = module.text_of(given.value)
        return "bool" if "bool" in text.lower() else text  # str2bool and its kind
    return type(value).__name__ if isinstance(value, bool | int | float) else "str"


def _defined_flags(module: Module) -> Iterator[Flag]:
    for call, qualified in module.calls:
        match = _DEFINE.fullmatch(qualified or "")
        if match is None or match[1] not in _KINDS:
            continue
        name = argument(call, "name", 0) or keyword(call, "flag_name")
        if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            continue
        kind, position = _KINDS[match[1]]
        default = default_of(call)
        flag = _flag(module, call, name.value, default)
        said = argument(call, "help", position) or _value(keyword(call, "docstring"))
        choices = argument(call, "enum_values", 2) if match[1] == "enum" else None
        elements = choices.elts if isinstance(choices, _Sequence) else []
        yield flag._replace(
            kind=kind,
            help=_text(said),
            choices=tuple(module.text_of(element) for element in elements),
            switch=kind == "bool",
        )


def _set_defaults(module: Module, flags: dict[str, Flag]) -> None:
    """`FLAGS.set_default("name", value)`, with which a script changes what it imports."""
    for call, _ in module.calls:
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr == "set_default" and len(call.args) == 2:
            name = call.args[0]
            if isinstance(name, ast.Constant) and name.value in flags:
                flag = flags[name.value]
                value = _constant(call.args[1])
                flags[flag.name] = flag._replace(default=module.text_of(call.args[1]), value=value)


def _flag(module: Module, call: ast.Call, name: str, default: ast.expr | None) -> Flag:
    none = default is None or is_none(default)
    return Flag(
        module.path,
        call.lineno,
        name,
        "str",
        default="" if none or default is None else module.text_of(default),
        value=_constant(default),
        help=_text(_value(keyword(call, "help"))),
    )


def _constant(node: ast.expr | None) -> object:
    if node is None:
        return None
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value


def _literal(call: ast.Call, name: str) -> object:
    return _constant(_value(keyword(call, name)))


def _value(given: ast.keyword | None) -> ast.expr | None:
    return given.value if given is not None else None


def _text(node: ast.expr | None) -> str:
    value = _constant(node)
    return " ".join(value.split()) if isinstance(value, str) else ""

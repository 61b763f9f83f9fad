"""What each TensorFlow, Keras and Horovod name stands for, and whether an NPU can run it.

Facts about names come from TensorFlow 1.15.0 and Keras 2.3.1 themselves, by way of
``tf115_symbols.txt`` (``scripts/list_tf115_symbols.py`` writes it and explains its format); facts
about support come from ``special_symbols``.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from migrate.analysis.special_symbols import (
    GROUPS,
    HOROVOD_MODULES,
    HOROVOD_NAMES,
    TENSORFLOW,
    Group,
)

Status = Literal["native", "manual", "unsupported", "unknown"]

# Where a name is in the list: a module of the API; a name in one; a public attribute of a class;
# an attribute of something else; something of the implementation; or nowhere.
_Kind = Literal["module", "name", "member", "attribute", "private", "absent"]

_LIST = Path(__file__).with_name("tf115_symbols.txt")
# The last part of a name that only a run can tell, as of ``getattr(tf, name)``.
COMPUTED = "<computed>"
_ROOTS = frozenset(
    ("horovod", "keras", "tensorflow", "tensorflow_core", "tensorflow_estimator", "tf_slim")
)
_KERAS = "CANN: TensorFlow 1.15 migration guide, Keras: tf.keras only"

# Other spellings of a module and what they mean. tf.compat.v1 is tf itself in TensorFlow 1.15.0;
# TF-Slim 1.1.0 is the part of tf.contrib that was split off.
_SAME_MODULES = (
    ("tensorflow_core", "tensorflow"),
    ("tensorflow._api.v1", "tensorflow"),
    ("tensorflow.compat.v1", "tensorflow"),
    ("tensorflow.compat.v2.compat.v1", "tensorflow"),
    ("tensorflow.python.keras.api._v1.keras", "tensorflow.keras"),
    ("tensorflow_estimator._api.v1.estimator", "tensorflow.estimator"),
    ("tensorflow_estimator.python.estimator.api._v1.estimator", "tensorflow.estimator"),
    ("tensorflow_estimator.estimator", "tensorflow.estimator"),
    ("tf_slim.layers", "tensorflow.contrib.layers"),
    ("tf_slim.losses", "tensorflow.contrib.losses"),
    ("tf_slim.metrics", "tensorflow.contrib.metrics"),
    ("tf_slim.ops", "tensorflow.contrib.framework"),
    ("tf_slim.training", "tensorflow.contrib.training"),
    ("tf_slim", "tensorflow.contrib.slim"),
    ("horovod.tensorflow.mpi_ops", "horovod.tensorflow"),
)


class Symbol(NamedTuple):
    """What is known about one name.

    Args:
        status: ``native`` runs as it is; ``manual`` needs a person's decision unless a rule
            rewrites it; ``unsupported`` has no way onto an NPU; ``unknown`` is in no list, which
            is a finding too.
        reason: one line; empty for what simply works.
        source: who says so.
    """

    status: Status
    reason: str = ""
    source: str = TENSORFLOW


@lru_cache(maxsize=1 << 16)
def canonical(qualified: str) -> str:
    """The one documented name for what ``qualified`` names.

    Private module paths, ``tensorflow.compat.v1``, the split-off packages and aliases all lead to
    the same name; what is in no list comes back as it is, but for the module's own spelling.
    ``canonical(canonical(a) + "." + b)`` is ``canonical(a + "." + b)``.
    """
    if qualified.partition(".")[0] not in _ROOTS:
        return qualified
    name = _respelled(qualified)
    if name.startswith("horovod."):
        return _horovod(name)
    for _ in range(8):  # an alias may lead through a module that is an alias itself
        target = _follow(name)
        if target is None:
            break
        name = target
    return name


def short(name: str) -> str:
    """A name as code usually has it, such as ``tf.Session``."""
    return name.replace("tensorflow.", "tf.", 1)


def known(name: str) -> bool:
    """Whether TensorFlow 1.15.0, Keras 2.3.1 or Horovod has exactly this name.

    A class's public attributes count; those of a function or a constant do not.
    """
    name = canonical(name)
    if name.startswith("horovod"):
        return name in _horovod_names()
    return _find(name) in ("module", "name", "member", "private")


@lru_cache(maxsize=1 << 16)
def classify(name: str) -> Symbol:
    """Whether an NPU can run what ``name`` stands for.

    *Rewritten* is no status here: only the engine knows whether a rule claims a place.
    """
    name = canonical(name)
    root = name.partition(".")[0]
    special = _special(name)
    if special is not None and (special.status != "native" or known(name)):
        return Symbol(special.status, special.reason, special.source)
    if name.endswith(COMPUTED):
        return Symbol("unknown", "the name is computed when the program runs: see what it can be")
    if root == "keras":
        return _classify_keras(name)
    if root not in ("tensorflow", "tensorflow_estimator"):
        return Symbol("unknown", "not a name of TensorFlow, Keras or Horovod", "")
    found = _find(name)
    if found == "private":
        return Symbol("unknown", f"private to TensorFlow 1.15.0: no public name for {name}")
    if found == "absent":
        return Symbol("unknown", f"TensorFlow 1.15.0 has no {name}")
    return Symbol("native")


def keras_in_tf_keras(name: str) -> str | None:
    """The name in ``tensorflow.keras`` 1.15.0 for one of standalone Keras; None without one.

    ``keras.datasets.cifar10`` gives ``tensorflow.keras.datasets.cifar10``, and so does a private
    path such as ``keras.layers.core.Dense``.
    """
    if name != "keras" and not name.startswith("keras."):
        return None
    for spelling in (name, canonical(name)):
        counterpart = "tensorflow." + spelling
        if known(counterpart):
            return counterpart
    return None


# --- the list of names ------------------------------------------------------------------------


class _Names:
    """The list of names; modules are parsed when they are first asked for."""

    def __init__(self, text: str) -> None:
        self.bodies: dict[str, str] = {}
        self._parsed: dict[str, dict[str, str]] = {}
        self.private: set[str] = set()
        for block in text.rstrip("\n").split("\n\n")[1:]:
            head, _, body = block.partition("\n")
            module, _, note = head.partition(":")
            self.bodies[module] = body
            if note:
                self.private.add(module)

    def split(self, name: str) -> tuple[str, str]:
        """The longest module at the start of ``name``, and what follows it."""
        module = name
        while module and module not in self.bodies:
            module = module.rpartition(".")[0]
        return module, name[len(module) + 1 :] if module else name

    def names(self, module: str) -> dict[str, str]:
        """name -> "" (function, constant), "(attributes)" (class) or "=target" (alias)."""
        parsed = self._parsed.get(module)
        if parsed is None:
            parsed = {}
            for line in self.bodies[module].splitlines():
                name, equals, target = line.partition("=")
                if equals:
                    parsed[name] = "=" + (target + name if target.endswith(".") else target)
                else:
                    name, bracket, members = line.partition("(")
                    parsed[name] = bracket + members
            self._parsed[module] = parsed
        return parsed


@cache
def _names() -> _Names:
    return _Names(_LIST.read_text(encoding="ascii"))


def _respelled(name: str) -> str:
    """``name`` with the usual spelling of its module."""
    changed = True
    while changed:
        changed = False
        for spelling, module in _SAME_MODULES:
            if name == spelling or name.startswith(spelling + "."):
                name = module + name[len(spelling) :]
                changed = True
    return name


def _follow(name: str) -> str | None:
    """What ``name`` is an alias of, with what follows the alias; None if it is none."""
    names = _names()
    module, rest = names.split(name)
    if not module or not rest:
        return None
    first, dot, others = rest.partition(".")
    entry = names.names(module).get(first, "")
    return entry[1:] + dot + others if entry.startswith("=") else None


def _find(name: str) -> _Kind:
    names = _names()
    module, rest = names.split(name)
    if not module:
        return "absent"
    private = module in names.private
    if not rest:
        return "private" if private else "module"
    first, _, others = rest.partition(".")
    entry = names.names(module).get(first)
    if entry is None:
        return _unlisted(first)
    if private:
        return "private"
    if not others:
        return "name"
    member, _, more = others.partition(".")
    if not entry.startswith("("):
        return "attribute"
    members = entry[1:-1].split()
    if member in members:
        return "attribute" if more else "member"
    return "attribute" if "*" in members else _unlisted(member)


def _unlisted(name: str) -> _Kind:
    """What a name is that the list leaves out: ``__version__``, ``_private``, or nothing."""
    if name.startswith("__") and name.endswith("__"):
        return "attribute"
    return "private" if name.startswith("_") else "absent"


# --- support ----------------------------------------------------------------------------------


@cache
def _specials() -> dict[str, Group]:
    return {name: group for group in GROUPS for name in group.qualified()}


def _special(name: str) -> Group | None:
    """The entry for a name: its own, else the nearest one that covers what is below it.

    ``tensorflow.tpu.*`` covers everything below; an unsupported class covers its attributes.
    """
    specials = _specials()
    own = specials.get(name)
    if own is not None:
        return own
    parent = name
    while parent:
        below = specials.get(f"{parent}.*")
        if below is not None:
            return below
        parent = parent.rpartition(".")[0]
        owner = specials.get(parent)
        if owner is not None and owner.status == "unsupported":
            return owner
    return None


def _classify_keras(name: str) -> Symbol:
    counterpart = keras_in_tf_keras(name)
    if counterpart:
        return Symbol(
            "manual", f"standalone Keras, which CANN does not support: use {counterpart}", _KERAS
        )
    if known(name):
        reason = "standalone Keras, which CANN does not support; tf.keras 1.15.0 has no counterpart"
        return Symbol("unsupported", reason, _KERAS)
    return Symbol("unknown", f"Keras 2.3.1 has no {name}", "Keras 2.3.1's own modules")


@cache
def _horovod_names() -> frozenset[str]:
    names = {f"{module}.{name}" for module in HOROVOD_MODULES for name in HOROVOD_NAMES.split()}
    return frozenset({"horovod", *HOROVOD_MODULES, *names})


def _horovod(name: str) -> str:
    """``horovod.tensorflow.X`` for what Horovod's Keras modules import from there."""
    for module in HOROVOD_MODULES[1:]:
        shared = name[len(module) + 1 :]
        if name.startswith(module + ".") and shared.partition(".")[0] in HOROVOD_NAMES.split():
            return f"{HOROVOD_MODULES[0]}.{shared}"
    return name

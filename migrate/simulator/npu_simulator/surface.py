"""The names that an adapter release has, and with them the modules of npu_bridge.

surface.json holds, for each module and public name, the adapter releases that have it, with the
signature: [first release, last release or "" if it still lasts, signature]. The name "" is the
module itself, and "= module.name" means that it is imported from there. The modules are made
out of that table: a name that the release lacks is missing, one that the simulator computes comes
from npu_simulator/adapter/ and takes the arguments of the release, and any other raises
NotSimulated as soon as it is used.

Source: the sources of npu_bridge, branches r1.1.1 to r1.15.0 of the adapter's repository.
"""

import ast
import difflib
import functools
import importlib
import importlib.machinery
import inspect
import json
import os

from . import places, settings, trace
from .options import release_order

_HERE = os.path.dirname(os.path.abspath(__file__))
_IMPLEMENTED = os.path.join(_HERE, "adapter")


class NotSimulated(NotImplementedError):
    """The real adapter has this, the simulator does not."""


@functools.lru_cache(maxsize=None)
def table():
    """Returns surface.json: {module: {name: [[since, last, signature if any], ...]}}."""
    with open(os.path.join(_HERE, "surface.json")) as file:
        return json.load(file)


def names_at(module, adapter):
    """Returns what a module of npu_bridge has in an adapter release.

    Returns:
        {name: signature, "= origin" or ""}; None if the release lacks the module.
    """
    place = release_order(adapter)
    found = {}
    for name, spans in table().get(module, {}).items():
        for since, last, *signature in spans:
            if release_order(since) <= place and (not last or place <= release_order(last)):
                found[name] = "".join(signature)
    if "" not in found:
        return None
    del found[""]
    return found


class Finder:
    """Finds the modules of npu_bridge that an adapter release has.

    Args:
        adapter: adapter release.
    """

    def __init__(self, adapter):
        self._adapter = adapter

    def find_spec(self, name, path=None, target=None):
        if not name.startswith("npu_bridge."):
            return None
        inner = any(module.startswith(name + ".") for module in table())
        if names_at(name, self._adapter) is None and not inner:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=inner)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        """Fills a module in."""
        names = names_at(module.__name__, self._adapter) or {}
        own = implementation(module.__name__)
        if own is not None:
            module.__doc__ = own.__doc__
        if not names and module.__spec__.submodule_search_locations is None:
            # The extension module, whose names the table does not have.
            module.__getattr__ = functools.partial(_read_absent, module.__name__)
        for name, signature in names.items():
            if signature.startswith("= "):
                value = _imported(signature[2:])
            elif hasattr(own, name):
                value = _conformed(getattr(own, name), signature)
            else:
                value = absent("%s.%s" % (module.__name__, name))
            setattr(module, name, value)
        ready = getattr(own, "ready", None)
        if ready is not None:
            ready(self._adapter)


def implementation(module):
    """Returns the module of npu_simulator.adapter that computes a module of npu_bridge, or None."""
    name = module.split(".")[-1]
    if not os.path.exists(os.path.join(_IMPLEMENTED, name + ".py")):
        return None
    return importlib.import_module("npu_simulator.adapter." + name)


def _imported(origin):
    """Returns what `import origin`, or `from ... import ...` of its last part, gives."""
    module, _, name = origin.rpartition(".")
    if not module:
        return importlib.import_module(origin)
    value = getattr(importlib.import_module(module), name, None)
    return importlib.import_module(origin) if value is None else value


def _conformed(value, signature):
    """Makes a function or class take the arguments that a release has.

    Each argument goes on by its name, with the release's own default. A class is changed in
    place, so that it stays one and the same wherever it is used.
    """
    if not signature or not callable(value):
        return value
    if inspect.isclass(value):
        for method in ("__init__", "__new__"):
            own = vars(value).get(method)
            if own is not None and not hasattr(own, "__signature__"):
                wrapped = _checked(getattr(value, method), signature, value.__name__, 1)
                setattr(value, method, wrapped)
        return value
    return _checked(value, signature, value.__name__, 0)


def _checked(function, signature, name, extra):
    declared, unknown = _parse(signature)

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            bound = declared.bind(*args[extra:], **kwargs)
        except TypeError as error:
            wrong = [key for key in kwargs if key not in declared.parameters]
            near = difflib.get_close_matches("".join(wrong[:1]), declared.parameters, 1)
            hint = ". Did you mean %s?" % near[0] if near else ""
            text = "%s() of CANN %s: %s%s" % (name, _cann(), error, hint)
            raise TypeError(text) from None
        given = set(bound.arguments)
        bound.apply_defaults()
        for argument in unknown - given:  # The implementation has the same default.
            del bound.arguments[argument]
        first = list(args[:extra])
        keywords = {}
        for key, value in bound.arguments.items():
            kind = declared.parameters[key].kind
            if kind == inspect.Parameter.VAR_KEYWORD:
                keywords.update(value)
            elif kind == inspect.Parameter.VAR_POSITIONAL:
                return function(*first, *bound.args, **bound.kwargs)
            else:
                keywords[key] = value
        return function(*first, **keywords)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    wrapper.__signature__ = declared.replace(
        parameters=[own] * extra + list(declared.parameters.values())
    )
    return wrapper


def _parse(signature):
    """Returns the signature, and the arguments whose default is no literal."""
    arguments = ast.parse("def function%s: pass" % signature).body[0].args
    parameters, unknown = [], set()
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    for argument, default in zip(arguments.args, defaults):
        value = inspect.Parameter.empty
        if default is not None:
            try:
                value = ast.literal_eval(default)
            except ValueError:
                value = None
                unknown.add(argument.arg)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(inspect.Parameter(argument.arg, kind, default=value))
    if arguments.vararg:
        parameters.append(inspect.Parameter(arguments.vararg.arg, inspect.Parameter.VAR_POSITIONAL))
    if arguments.kwarg:
        parameters.append(inspect.Parameter(arguments.kwarg.arg, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters), unknown


def absent(name):
    """Returns something that raises NotSimulated as soon as it is called, subclassed or read."""
    return _Absent(name)


class _Absent:
    def __init__(self, name):
        self.__dict__["_name"] = name

    def __call__(self, *args, **kwargs):
        _refuse(self._name)

    def __mro_entries__(self, bases):
        _refuse(self._name)

    def __getattr__(self, attribute):
        if attribute.startswith("__"):  # Python asks for these by itself.
            raise AttributeError(attribute)
        _refuse("%s.%s" % (self._name, attribute))

    def __repr__(self):
        return "<%s, which is not simulated>" % self._name


def _read_absent(module, name):
    if name.startswith("__"):  # Python asks for these by itself.
        raise AttributeError(name)
    return absent("%s.%s" % (module, name))


def _refuse(name):
    message = "%s is part of CANN %s, but the simulator does not compute it" % (name, _cann())
    advice = "Try this part on a real device, or leave it out of the simulated run."
    trace.emit(
        "problem",
        code="not-simulated",
        message=message,
        place=places.here(),
        severity="error",
        advice=advice,
    )
    raise NotSimulated("%s. %s" % (message, advice))


def _cann():
    return settings.read().cann

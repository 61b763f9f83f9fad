"""All GPU pins of a project: which strings are devices, and the edits that free them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from migrate.analysis.flow import Flow, Reached
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.references import classes_in, functions_in, is_unit_test, owner_of
from migrate.analysis.values import bound_value
from migrate.codemods.computed_devices import computed_type, is_device
from migrate.codemods.cpu_twins import fallbacks, falsy_choice
from migrate.codemods.device_names import (
    DeviceText,
    device_text,
    gpu_literals,
    has_index,
    is_path,
)
from migrate.codemods.edits import Edit
from migrate.codemods.gpu_answers import ANSWERS
from migrate.codemods.removals import comments_in
from migrate.findings import Severity

# Parameters that take a device, by name or by position.
_SINKS: dict[str, tuple[str | int, ...]] = {
    "tensorflow.device": ("device_name_or_function", 0),
    "tensorflow.Graph.device": ("device_name_or_function", 0),
    ".device": ("device_name_or_function", 0),
    "keras.backend.tf.device": (0,),
    "tensorflow.train.replica_device_setter": ("ps_device", "worker_device", 1, 2),
    "tensorflow.DeviceSpec.from_string": ("spec", 0),
}
_KEYWORDS = frozenset({"device", "caching_device", "ps_device", "worker_device"})
_STRATEGIES = ("tensorflow.distribute.", "tensorflow.contrib.distribute.")
_PREFETCHES = ("prefetch_to_device", "copy_to_device", "MultiDeviceIterator")
_SILENT = frozenset({"print", "logging", "warn", "warning", "info", "debug", "error"})
_ASSERTIONS = frozenset(["assertDeviceEqual", "assertEqual", "assertEquals"])
_MAY_PIN = re.compile(rb"GPU[:'\"/]", re.IGNORECASE)
_MAY_FALL_BACK = re.compile(rb"CPU(?::[\d*]+)?['\"]", re.IGNORECASE)
_BARE_WORD = re.compile(rb"(['\"])gpu\1", re.IGNORECASE)
_BY_HAND = "Let the string name no GPU; an empty one leaves the choice to TensorFlow."


@dataclass
class Note:
    node: ast.AST
    severity: Severity
    message: str
    advice: str = ""


@dataclass
class FilePins:
    """What is to be done in one file."""

    edits: list[Edit] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


class Pins:
    """The GPU pins of a project, found once for all of its files."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._flow = project.cached(Flow)
        self._files: dict[str, FilePins] = {}
        # Functions whose devices change; a unit test that reaches one may expect its GPU.
        self._changed: set[str] = set()
        self._fallbacks: set[ast.AST] = set()
        candidates = [path for path in project.python_files if self._may_pin(path)]
        tests = [path for path in candidates if is_unit_test(project, path)]
        for path in candidates:
            if path not in tests and (module := project.parsed(path)) is not None:
                cpus = self._find_fallbacks(module)
                for literal in gpu_literals(module):
                    self._judge(module, literal)
                for cpu in cpus:
                    self._free_fallback(module, cpu)
                if _BARE_WORD.search(module.source.data):
                    self._judge_computed(module)
        for path in tests:
            if (module := project.parsed(path)) is not None:
                self._judge_test(module)

    def of(self, path: str) -> FilePins:
        return self._files.get(path, FilePins())

    def _may_pin(self, path: str) -> bool:
        data = self._project.files[path].data
        if _MAY_PIN.search(data):
            return True
        return b"gpu" in data.lower() and _MAY_FALL_BACK.search(data) is not None

    def _file(self, module: Module) -> FilePins:
        return self._files.setdefault(module.path, FilePins())

    # --- the program ------------------------------------------------------------------------

    def _judge(self, module: Module, literal: ast.expr) -> None:
        text = device_text(module, literal)
        if text.applied_elsewhere:
            self._judge_format(module, text)
            return
        if not has_index(module, literal) and not isinstance(
            module.parents[literal], ast.Call | ast.keyword
        ):
            return  # the mere word may be put together with anything
        reached = self._flow.trace(module, text.node)
        if self._is_pin(module, literal, reached):
            self._free(module, text, reached)
        else:
            self._leave(module, literal, reached)

    def _is_pin(self, module: Module, literal: ast.expr, reached: Reached) -> bool:
        if reached.arguments or reached.lost:
            return _is_device(reached)
        # Dead code, which cannot mean anything else by a whole path with an index.
        return bool(reached.unused) and is_path(module, literal)

    def _free(self, module: Module, text: DeviceText, reached: Reached) -> None:
        file = self._file(module)
        choice = falsy_choice(module, text.node)
        if text.edits is None or (choice is not None and choice not in self._fallbacks):
            self._warn(module, text.literal)
            return
        file.edits += self._merged(module, text) or text.edits
        self._changed.add(owner_of(module, text.literal))
        for dropped in text.dropped:
            self._note_dropped(module, dropped)
        if reached.unused and not reached.arguments:
            name = reached.unused[0].name
            message = f"nothing in the project calls {name}(): its GPU name went all the same"
            file.notes.append(Note(text.literal, "note", message))

    def _warn(self, module: Module, literal: ast.expr) -> None:
        shown = module.text_of(literal)
        message = f"{shown} names a GPU in a device that is put together in an unusual way"
        self._file(module).notes.append(Note(literal, "warning", message, _BY_HAND))

    def _merged(self, module: Module, text: DeviceText) -> list[Edit]:
        """One edit for ``'/gpu:0' if tf.test.is_gpu_available() else '/cpu:0'``: both go."""
        choice = module.parents[text.node]
        if (
            text.left
            or not isinstance(choice, ast.IfExp)
            or not isinstance(choice.test, ast.Call)
            or module.qualified(choice.test.func) not in ANSWERS
            or comments_in(module.text_of(choice))
        ):
            return []
        other = choice.orelse if text.node is choice.body else choice.body
        return [Edit(*module.span(choice), "''")] if other in self._fallbacks else []

    def _find_fallbacks(self, module: Module) -> list[ast.Constant]:
        """The CPU devices that would take a GPU's place on an NPU machine."""
        found = []
        for literal in fallbacks(module, self._project):
            if _is_device(self._flow.trace(module, literal)):
                found.append(literal)
        self._fallbacks.update(found)
        return found

    def _free_fallback(self, module: Module, literal: ast.Constant) -> None:
        file = self._file(module)
        start, end = module.span(literal)
        if not any(edit.start <= start and end <= edit.end for edit in file.edits):
            file.edits.append(Edit(start, end, "''"))
        message = (
            f"{module.text_of(literal)} went as well: it was for machines without a GPU, and an "
            "NPU machine is one"
        )
        file.notes.append(Note(literal, "note", message))
        self._changed.add(owner_of(module, literal))

    def _note_dropped(self, module: Module, dropped: ast.expr) -> None:
        for part in ast.walk(dropped):
            if isinstance(part, ast.Call) and ":" in (module.qualified(part.func) or ""):
                message = f"{module.text_of(part)} chose a GPU, and is not called here any more"
                self._file(module).notes.append(Note(dropped, "note", message))

    def _judge_format(self, module: Module, text: DeviceText) -> None:
        """A format such as GPU = '/gpu:%d', which other code applies."""
        reached = self._flow.trace(module, text.literal, template=True)
        ends = [(*place, self._flow.trace(*place)) for place in reached.applied]
        pins = [self._is_pin(m, text.literal, end) for m, _, end in ends]
        if reached.added:
            self._warn(module, text.literal)
            return
        if not pins or not all(pins) or reached.arguments or reached.compared or reached.lost:
            self._leave(module, text.literal, reached)
            return
        if "%" in text.left or "{" in text.left:
            self._free(module, DeviceText(text.literal, text.node), reached)
            return
        for owner, applied, _ in ends:
            self._file(owner).edits.append(Edit(*owner.span(applied), repr(text.left)))
            self._changed.add(owner_of(owner, applied))

    def _leave(self, module: Module, literal: ast.expr, reached: Reached) -> None:
        notes = self._file(module).notes
        shown = module.text_of(literal)
        names = [name for name, _ in reached.arguments]
        if any(name.startswith(_STRATEGIES) for name in names):
            pass  # NPU705's strategies use no device that they are given
        elif reached.compared and any(_takes_device(*a) for a in reached.arguments):
            message = f"{shown} is a device that the code also compares with something"
            notes.append(Note(literal, "warning", message, _BY_HAND))
        elif reached.lost and has_index(module, literal):
            message = f"{shown} looks like a GPU, but goes through too much code to be followed"
            notes.append(Note(literal, "warning", message, _BY_HAND))
        elif any(name.endswith(_PREFETCHES) for name in names):
            pass  # NPU403 takes the whole call away, or reports it
        elif has_index(module, literal) and not self._is_message(module, literal):
            message = f"{shown} looks like a GPU, but nothing shows that it is used as a device"
            notes.append(Note(literal, "note", message, _BY_HAND))

    def _is_message(self, module: Module, literal: ast.expr) -> bool:
        call = module.parents[literal]
        if not isinstance(call, ast.Call):
            return False
        name = call.func.attr if isinstance(call.func, ast.Attribute) else module.text_of(call.func)
        return name in _SILENT

    def _judge_computed(self, module: Module) -> None:
        """Devices whose very type is computed: '/%s:%d' % ('gpu' if ... else 'cpu', i)."""
        told: set[ast.AST] = set()
        for call, name in module.calls:
            if name != "tensorflow.device" or not call.args:
                continue
            told |= {bound_value(module, call.args[0]), *ast.walk(call)}
            answer = computed_type(module, call.args[0])
            if answer == "gpu" or any(_is_gpu_word(module, part) for part in ast.walk(call)):
                message = f"this device may name a GPU: {module.text_of(call)}"
                self._file(module).notes.append(Note(call, "warning", message, _BY_HAND))
            elif answer == "maybe":
                message = f"whether this device names a GPU cannot be told: {module.text_of(call)}"
                self._file(module).notes.append(Note(call, "note", message, _BY_HAND))
        for kind in (ast.BinOp, ast.Call, ast.JoinedStr):
            for made in module.all_of(kind):
                if made in told or not is_device(made):
                    continue
                if (answer := computed_type(module, made)) != "no":
                    message = f"this is a device, and may name a GPU: {module.text_of(made)}"
                    severity: Severity = "warning" if answer == "gpu" else "note"
                    self._file(module).notes.append(Note(made, severity, message, _BY_HAND))

    # --- unit tests -------------------------------------------------------------------------

    def _judge_test(self, module: Module) -> None:
        """A test's own pins stay; what it expects of code that has changed changes with it."""
        literals = list(gpu_literals(module))
        expected = [literal for literal in literals if self._is_expected(module, literal)]
        pins = [n for n in literals if n not in expected and self._pins(module, n)]
        for literal in pins:
            message = "a unit test pins a GPU itself: left, since nothing else depends on it"
            self._file(module).notes.append(Note(literal, "note", message))
        pinning = {module.function_of(literal) for literal in pins}
        rewritten = []
        for literal in expected:
            if module.function_of(literal) not in pinning and self._tests_changed(module, literal):
                text = device_text(module, literal)
                if text.edits:
                    self._file(module).edits += text.edits
                    rewritten.append(literal)
        if rewritten:
            message = (
                f"{len(rewritten)} expectations of this unit test named a GPU; they follow the "
                "code under test"
            )
            self._file(module).notes.append(Note(rewritten[0], "note", message))

    def _pins(self, module: Module, literal: ast.expr) -> bool:
        reached = self._flow.trace(module, device_text(module, literal).node)
        return any(_takes_device(*argument) for argument in reached.arguments)

    def _is_expected(self, module: Module, literal: ast.expr) -> bool:
        """Whether an assertion compares a device with the literal."""
        node: ast.AST = device_text(module, literal).node
        while isinstance(call := module.parents[node], ast.List | ast.Tuple):
            node = call
        if not (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in _ASSERTIONS
            and node in call.args[:2]
        ):
            return False
        return any("device" in module.text_of(a) for a in call.args[:2] if a is not node)

    def _tests_changed(self, module: Module, literal: ast.expr) -> bool:
        """Whether the function around an expectation runs code whose devices have changed."""
        seen: set[str] = set()
        queue = [owner_of(module, literal)]
        while queue:
            key = queue.pop()
            if key in self._changed:
                return True
            if key in seen:
                continue
            seen.add(key)
            path = key.partition(":")[0]
            if facts := functions_in(self._project, path).get(key):
                queue += facts.references
            if known := classes_in(self._project, path).get(key):
                queue += [*known.bases, *(f"{key}.{method}" for method in known.methods)]
        return False


def _is_gpu_word(module: Module, node: ast.AST) -> bool:
    """``'gpu'`` itself, other than in what is asked or called to make the device."""
    return (
        isinstance(node, ast.Constant)
        and str(node.value).lower() == "gpu"
        and not isinstance(module.parents[node], ast.Call | ast.Compare | ast.keyword)
    )


def _is_device(reached: Reached) -> bool:
    """Whether a value is certainly the name of a device, and nothing else."""
    taken = any(_takes_device(*argument) for argument in reached.arguments)
    return taken and not reached.compared and not reached.lost


def _takes_device(name: str, where: str | int) -> bool:
    if where in _SINKS.get(name, ()):
        return True
    return (
        where in _KEYWORDS
        and name.startswith("tensorflow.")
        and not name.startswith(_STRATEGIES)
        and not name.endswith(_PREFETCHES)
    )

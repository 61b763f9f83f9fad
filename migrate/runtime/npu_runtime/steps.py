"""Times the training steps of a program, by wrapping what runs its sessions; no model is edited.

A step is a run that changes variables by an optimizer's operator. Runs of the same fetches are one
kind: a GAN's two optimizers are timed apart. With NPU_STEP_LOG set, each kind is printed now and
then and at the end, and written as JSON lines, the first steps (compiling, filling of queues)
left out, in the same way on the NPU and with NPU_DEVICE=host.

A line: {"steps": "Adam", "count": 90, "seconds_per_step": 0.12, "examples_per_step": 64,
"examples_per_second": 533.3, "warm_up_steps": 10, "device": "npu"}
"""

import atexit
import json
import os
import threading
import time

from tensorflow.python.client import session as session_lib

from . import places, settings

_TRAINS = ("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply")
_SOURCES = ("IteratorGetNext", "QueueDequeueManyV2", "QueueDequeueUpToV2", "PlaceholderV2")

_timer = None


def time_steps():
    """Begins to time, once per process, where NPU_STEP_LOG is set.

    Raises:
        ValueError: a variable is not legal.
        OSError: the file that NPU_STEP_LOG names cannot be written.
    """
    global _timer
    path = settings.value("NPU_STEP_LOG")
    if not path or _timer is not None:
        return
    _timer = _Timer(
        places.output_path(path),
        settings.number("NPU_STEP_LOG_EVERY"),
        settings.number("NPU_STEP_WARM_UP"),
        settings.number("NPU_BATCH_SIZE"),
        settings.value("NPU_DEVICE"),
    )
    run = session_lib.BaseSession.run

    def timed_run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        kind = _timer.kind(self.graph, fetches, feed_dict)
        if kind is None:
            return run(self, fetches, feed_dict, options, run_metadata)
        begin = time.time()
        result = run(self, fetches, feed_dict, options, run_metadata)
        _timer.add(kind, time.time() - begin)
        return result

    session_lib.BaseSession.run = timed_run
    make = session_lib.BaseSession._make_callable_from_options

    def timed_callable(self, callable_options):  # how Keras runs its steps
        names = tuple(callable_options.fetch) + tuple(callable_options.target)
        called = make(self, callable_options)
        graph = self.graph

        def timed(*args, **kwargs):
            kind = _timer.kind(graph, names, None)
            begin = time.time()
            result = called(*args, **kwargs)
            if kind is not None:
                _timer.add(kind, time.time() - begin)
            return result

        return timed

    session_lib.BaseSession._make_callable_from_options = timed_callable
    atexit.register(_timer.close)


class _Kind:
    """Runs of the same fetches."""

    def __init__(self, name, examples):
        self.name = name
        self.examples = examples
        self.warm_up = 0
        self.count = 0
        self.seconds = 0.0


class _Timer:
    def __init__(self, path, every, warm_up, batch, device):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self._log = open(path, "a")  # noqa: SIM115 - open until the program ends
        self._every = max(1, every)
        self._warm_up = warm_up
        self._batch = batch
        self._device = device
        self._kinds = {}
        self._lock = threading.Lock()

    def kind(self, graph, fetches, feed_dict):
        """What kind of step a run is; None for a run that does not train."""
        operations = _operations(graph, fetches)
        key = (id(graph), frozenset(operations))
        if key not in self._kinds:
            self._kinds[key] = self._new_kind(operations, feed_dict)
        return self._kinds[key]

    def add(self, kind, seconds):
        with self._lock:
            if kind.warm_up < self._warm_up:
                kind.warm_up += 1
                return
            kind.count += 1
            kind.seconds += seconds
            if kind.count % self._every == 0:
                self._say(kind)

    def close(self):
        for kind in self._kinds.values():
            if kind is not None and kind.count % self._every:
                self._say(kind)
        self._log.close()

    def _new_kind(self, operations, feed_dict):
        reached = _reached(operations)
        trains = [op for op in reached if op.type.startswith(_TRAINS)]
        if not trains:
            return None
        scopes = sorted({op.name.split("/update_")[0] for op in trains})
        return _Kind("+".join(scopes), self._batch or _examples(reached, feed_dict))

    def _say(self, kind):
        mean = kind.seconds / kind.count
        line = {
            "steps": kind.name,
            "count": kind.count,
            "seconds_per_step": mean,
            "warm_up_steps": kind.warm_up,
            "device": self._device,
        }
        text = "%s: %d steps, %.4f s each" % (kind.name, kind.count, mean)
        if kind.examples:
            line["examples_per_step"] = kind.examples
            line["examples_per_second"] = kind.examples / mean
            text += ", %.1f examples/s" % (kind.examples / mean)
        print(text, flush=True)
        self._log.write(json.dumps(line, sort_keys=True) + "\n")
        self._log.flush()


def _operations(graph, fetches):
    """The operators that a run's fetches name, whatever they are nested in."""
    found = []
    left = [fetches]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left.extend(item.values())
        elif isinstance(item, (list, tuple)):
            left.extend(item)
        elif isinstance(item, (str, bytes)):
            name = item.decode() if isinstance(item, bytes) else item
            found.append(graph.as_graph_element(name))
        elif hasattr(item, "args") and hasattr(item.args, "fetches"):  # SessionRunArgs
            left.append(item.args.fetches)
        elif item is not None:
            try:
                found.append(graph.as_graph_element(item))
            except (TypeError, ValueError):
                left.extend(getattr(item, "__dict__", {}).values())
    return [getattr(element, "op", element) for element in found]


def _reached(operations):
    reached = set()
    left = list(operations)
    while left:
        op = left.pop()
        if op not in reached:
            reached.add(op)
            left.extend(tensor.op for tensor in op.inputs)
            left.extend(op.control_inputs)
    return reached


def _examples(reached, feed_dict):
    """The size of a batch: the largest first dimension of what is fed or dequeued, or None."""
    sizes = []
    for value in (feed_dict or {}).values():
        shape = getattr(value, "shape", None)
        if shape:
            sizes.append(int(shape[0]))
    for op in reached:
        if op.type in _SOURCES:
            for output in op.outputs:
                dimensions = output.shape.dims
                if dimensions and dimensions[0].value:
                    sizes.append(dimensions[0].value)
    return max(sizes, default=None)

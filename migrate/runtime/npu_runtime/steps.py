"""Times the training steps of a program, the runs of its sessions that train; see runs.py.

Runs of the same fetches are one kind: a GAN's two optimizers are timed apart. With NPU_STEP_LOG
set, each kind is printed now and then and at the end, and written as JSON lines, the first steps
(compiling, filling of queues) left out, in the same way on the NPU and with NPU_DEVICE=host.

A line: {"steps": "Adam", "count": 90, "seconds_per_step": 0.12, "examples_per_step": 64,
"examples_per_second": 533.3, "warm_up_steps": 10, "device": "npu"}
"""

import atexit
import json
import os
import threading
import time

from . import places, runs, settings

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

    def begin(session, fetches, feed_dict):
        kind = _timer.kind(session.graph, fetches, feed_dict)
        return kind, time.time()

    def end(begun):
        kind, since = begun
        if kind is not None:
            _timer.add(kind, time.time() - since)

    runs.watch(begin, end)
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
        operations = runs.operations(graph, fetches)
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
        reached = runs.reached(operations)
        trains = runs.trainers(reached)
        if not trains:
            return None
        return _Kind("+".join(runs.scopes(trains)), self._batch or _examples(reached, feed_dict))

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

"""Records what sessions do, and refuses what the real device would refuse.

It patches BaseSession, which every kind of session of TensorFlow 1.15 is (tf.Session, Monitored,
Supervisor, Estimator), and its callables, through which tf.keras and Keras run. An error in the
recorder itself becomes a `problem` event, and the program goes on.

Where there are several ranks, it looks as well at what their training runs do (see several/).
"""

import collections
import contextlib
import functools
import os
import sys
import threading
import time
import traceback

from . import closing, graphs, places, refusals, several, trace
from .imports import after_import
from .options import check_options, effective, entries_of
from .several import gradients, steps

# Threads for operators where the program sets no number. TensorFlow takes one for each core; with
# few, a Python function that runs a session waits for a thread that waits for it.
_THREADS = "16"
_MAX_ARRAY = 1 << 22  # values; a larger one takes long to weigh
_MAX_SUMMARY = 1 << 20  # bytes; a larger summary holds pictures, and takes long to parse.


def install(chosen):
    """Patches TensorFlow as soon as the program imports it.

    Args:
        chosen: settings of this process.
    """
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", _THREADS)
    _Record.arrays = chosen.seed is not None
    _Record.several = chosen.rank_size > 1
    if _Record.several:
        several.install()
    after_import("tensorflow.python.client.session", lambda module: _patch(module, chosen.adapter))
    after_import("tensorflow.python.training.saver", _patch_saver)


def npu_options(config, adapter):
    """Returns the options of a session that runs on the NPU, None for one that stays on the host.

    Args:
        config: its tf.ConfigProto.
        adapter: adapter release, such as "r1.15.0".

    Returns:
        {key: value} of all options, defaults included, as the adapter reads them. The adapter
        runs a session that has a custom optimizer NpuOptimizer, unless use_off_line is False or
        its job is a parameter server (om_partition_subgraphs_pass.cc).
    """
    entries = entries_of(config)
    read = effective(entries, adapter)
    return read if entries and read["use_off_line"] and read["job"] != "ps" else None


_counting = threading.Lock()
_inside = threading.local()  # depth: runs in progress in this thread
# A kind of run of one session. timed: names of tensors' operators and tags of summaries that hang
# on time, which say nothing of what a program computes. applied: gradients.Applied of a run that
# trains on one of several ranks, else None.
_Signature = collections.namedtuple("_Signature", "number timed applied")


class _Record:
    """What the recorder knows of one session.

    Args:
        session: a BaseSession whose graph is set.
        config: its tf.ConfigProto.
        adapter: adapter release.
        do_run: runs it unrecorded.
    """

    count = 0
    running = 0  # runs in progress in this process
    arrays = False  # whether arrays are weighed, for those who compare numbers with another run's
    several = False  # whether this process is one of several ranks

    def __init__(self, session, config, adapter, do_run):
        with _counting:
            _Record.count += 1
            self.number = _Record.count
        self.lock = threading.Lock()
        self.graph = session.graph
        self.place = places.here()
        options = npu_options(config, adapter)
        self.asks_for_npu = options is not None
        self.mix_compile = bool(options and options["mix_compile_mode"])
        self.device = options.get("session_device_id") if options else None
        entries = entries_of(config)
        given = effective(entries, adapter)
        self.problems = check_options(entries, adapter)
        self.signatures = {}
        self.steps = steps.Steps(session, self.number, do_run) if _Record.several else None
        trace.emit(
            "session",
            session=self.number,
            kind=_kind(session),
            place=self.place,
            npu=self.on_npu,
            mix_compile=self.mix_compile,
            options={key: given.get(key) for entry in entries for key in entry},
            problems=[dict(problem._asdict(), severity="error") for problem in self.problems],
        )

    @property
    def on_npu(self):
        return self.asks_for_npu and "npu_bridge" in sys.modules

    def before(self, fetches, targets, feeds):
        """Looks at a run that is about to start.

        Args:
            fetches: tensors whose values are wanted.
            targets: operators that are wanted for their effect.
            feeds: {tensor: array}.

        Returns:
            The run's signature.

        Raises:
            What refusals raise.
        """
        shapes = [(tensor, getattr(value, "shape", None)) for tensor, value in feeds.items()]
        key = (
            tuple(map(id, fetches)),
            tuple(map(id, targets)),
            tuple((id(tensor), shape) for tensor, shape in shapes),
        )
        if key not in self.signatures:
            with self.lock:
                if key not in self.signatures:
                    self._look(key, fetches, targets, shapes)
        return self.signatures[key]

    def _look(self, key, fetches, targets, shapes):
        if not self.signatures:
            refusals.refuse_options(self.problems, self.place)
            if self.on_npu:
                refusals.refuse_device(self.device, self.place)
            elif self.asks_for_npu:
                refusals.report_missing_adapter(self.place)
        signature = len(self.signatures) + 1
        unsinkable, timed, applied = [], frozenset(), None
        with _guarded():
            ops = [tensor.op for tensor in fetches] + list(targets)
            fields, timed = graphs.summary(self.graph, ops, [tensor for tensor, _ in shapes])
            unsinkable = fields["unsinkable"]
            trace.emit(
                "graph",
                session=self.number,
                signature=signature,
                fetches=[tensor.name for tensor in fetches] + [op.name for op in targets],
                feeds={tensor.name: list(shape or ()) for tensor, shape in shapes},
                **fields,
            )
            if _Record.several:
                applied = gradients.find(ops, [tensor for tensor, _ in shapes])
        if self.on_npu and not self.mix_compile:
            refusals.refuse_graph(unsinkable, self.place)
        self.signatures[key] = _Signature(signature, timed, applied)


@contextlib.contextmanager
def _guarded():
    """Keeps an error of the recorder from the program."""
    try:
        yield
    except Exception:
        trace.emit(
            "problem",
            code="recorder",
            message="the simulator failed to record: " + traceback.format_exc(limit=-3),
            place=places.here(),
            severity="warning",
            advice="The trace lacks something here; please report it.",
        )


def _kind(session):
    """Returns the kind of session that a user would name."""
    kinds = {"Session": "tf.Session", "InteractiveSession": "tf.InteractiveSession"}
    kind = kinds.get(type(session).__name__, type(session).__name__)
    for path, function in places.callers():
        folder, name = os.path.split(path)
        if name == "backend.py" and function in ("get_session", "_get_session"):
            kind = "tf.keras" if "tensorflow" in folder else "keras"
        elif name == "monitored_session.py":
            kind = "MonitoredSession"
            if function == "MonitoredTrainingSession":
                kind = function
        elif name == "supervisor.py":
            kind = "Supervisor"
        elif name == "estimator.py" and "tensorflow" in folder:  # contrib.learn's as well
            return "Estimator"
    return kind


def _patch(module, adapter):
    trace.begin()
    base = module.BaseSession
    _patch_init(base, adapter)
    _patch_close(base)
    _patch_run(base)
    _patch_callable(base)
    _patch_make_callable(base)


def _patch_init(base, adapter):
    init, do_run = base.__init__, base._do_run

    @functools.wraps(init)
    def patched(self, target="", graph=None, config=None):
        if config is None:
            from tensorflow.python.eager import context

            config = context.context().config
        init(self, target, graph, config)
        self._npu_record = None
        with _guarded():
            self._npu_record = _Record(self, config, adapter, do_run)
        closing.at_exit(self)

    base.__init__ = patched


def _patch_close(base):
    close = base.close

    @functools.wraps(close)
    def patched(self):
        record = getattr(self, "_npu_record", None)
        if record is not None and record.steps is not None:
            with _guarded():
                record.steps.end()
        close(self)

    base.close = patched


def _patch_run(base):
    do_run = base._do_run

    @functools.wraps(do_run)
    def patched(self, handle, targets, fetches, feeds, options, metadata):
        more = None if handle is None else []
        with _recorded(self, fetches, targets, feeds, more) as (results, more):
            wanted = fetches + more if more else fetches
            results += do_run(self, handle, targets, wanted, feeds, options, metadata)
        return results[: len(fetches)] if more else results

    base._do_run = patched


def _patch_callable(base):
    from tensorflow.core.protobuf import config_pb2

    init, call = base._Callable.__init__, base._Callable.__call__

    @functools.wraps(init)
    def patched_init(self, session, options):
        self._npu_sides = None
        with _guarded():
            graph = session.graph
            fetches = [graph.get_tensor_by_name(name) for name in options.fetch]
            targets = [graph.get_operation_by_name(name) for name in options.target]
            fed = [graph.get_tensor_by_name(name) for name in options.feed]
            more = []
            if _Record.several:
                more = steps.wanted([tensor.op for tensor in fetches] + targets, fed)
                options = config_pb2.CallableOptions.FromString(options.SerializeToString())
                options.fetch.extend(tensor.name for tensor in more)
            self._npu_sides = fetches, targets, fed, more
        init(self, session, options)

    @functools.wraps(call)
    def patched_call(self, *arguments, **keywords):
        if self._npu_sides is None:
            return call(self, *arguments, **keywords)
        fetches, targets, fed, more = self._npu_sides
        feeds = dict(zip(fed, arguments))
        with _recorded(self._session, fetches, targets, feeds, more) as (results, more):
            results += call(self, *arguments, **keywords)
        return results[: len(fetches)] if more else results

    base._Callable.__init__ = patched_init
    base._Callable.__call__ = patched_call


def _patch_make_callable(base):
    make = base.make_callable

    @functools.wraps(make)
    def patched(self, fetches, feed_list=None, accept_options=False):
        made = make(self, fetches, feed_list, accept_options)
        # Without anything to feed, what it returns goes past `run`.
        return made if feed_list is not None else functools.partial(self.run, fetches)

    base.make_callable = patched


@contextlib.contextmanager
def _recorded(session, fetches, targets, feeds, more):
    """Records one run; the block fills the list that it gets.

    Args:
        more: tensors that are fetched behind the others, for the record alone; None if the block
            can fetch any, and gets them.
    """
    results = []
    record = getattr(session, "_npu_record", None)
    if record is None:
        yield results, more or []
        return
    signature = record.before(fetches, targets, feeds)
    applied = signature.applied
    if applied is not None:
        with _guarded():
            asked = record.steps.before(applied)
            more = asked if more is None else more
    depth, nested = _Record.running, getattr(_inside, "depth", 0)
    _inside.depth = nested + 1
    with _counting:
        _Record.running += 1
    start = time.perf_counter()
    failure = {}
    try:
        yield results, more or []
        if applied is not None:
            with _guarded():
                fetched = dict(zip(more or [], results[len(fetches) :]))
                record.steps.after(applied, fetched, feeds)
    except Exception as error:
        failure = {"error": type(error).__name__}
        raise
    finally:
        seconds = time.perf_counter() - start
        _inside.depth = nested
        with _counting:
            _Record.running -= 1
        with _guarded():
            trace.emit(
                "run",
                session=record.number,
                signature=signature.number,
                seconds=round(seconds, 6),
                depth=depth,
                thread=_thread(),
                # Of Python functions of one run TensorFlow calls either first; what sessions give
                # that run in them comes in no fixed order.
                **dict(failure, **_scalars(fetches, results, signature.timed, not nested)),
            )


def _thread():
    """Returns the name of this thread; "main" for the program's own."""
    thread = threading.current_thread()
    return "main" if thread is threading.main_thread() else thread.name


def _scalars(fetches, results, timed, weigh):
    """Returns what a `run` event says of results: numbers, those in summaries, arrays' weights."""
    scalars, summaries, arrays = {}, {}, {}
    for tensor, value in zip(fetches, results):
        if isinstance(value, bytes):
            if tensor.op.type in ("MergeSummary", "ScalarSummary") and len(value) < _MAX_SUMMARY:
                summaries.update(_summary(value))
        elif value.dtype.kind not in "bifu" or tensor.op.name in timed:
            continue
        elif value.shape == ():
            scalars[tensor.name] = trace.number(value.item())
        elif weigh and _Record.arrays and 0 < value.size < _MAX_ARRAY:
            arrays[tensor.name] = trace.number(_weight(value))
    result = {"scalars": scalars}
    if arrays:
        result["arrays"] = arrays
    if summaries:
        result["summaries"] = {tag: summaries[tag] for tag in summaries if tag not in timed}
    return result


def _weight(array):
    """Returns a number that changes with values of an array, their signs and their order.

    All that it adds is positive: what cancels out would make a small difference look large.
    """
    import numpy as np

    flat = array.ravel().astype(np.float64)
    flat = np.where(flat > 0, 2 * flat, -flat)
    return float(np.dot(flat, np.linspace(1.0, 2.0, flat.size)) / flat.size)


def _summary(data):
    from tensorflow.core.framework import summary_pb2

    values = summary_pb2.Summary.FromString(data).value
    return {
        value.tag: trace.number(value.simple_value)
        for value in values
        if value.WhichOneof("value") == "simple_value"
    }


def _patch_saver(module):
    save, restore = module.Saver.save, module.Saver.restore

    @functools.wraps(save)
    def patched_save(self, sess, *arguments, **keywords):
        path = save(self, sess, *arguments, **keywords)
        with _guarded():
            trace.emit("save", path=path, session=_number(sess))
        return path

    @functools.wraps(restore)
    def patched_restore(self, sess, save_path):
        restore(self, sess, save_path)
        with _guarded():
            trace.emit("restore", path=os.fspath(save_path), session=_number(sess))

    module.Saver.save, module.Saver.restore = patched_save, patched_restore


def _number(session):
    """Returns the number of a session, through the wrappers of MonitoredSession; None without."""
    while session is not None and not hasattr(session, "_npu_record"):
        session = getattr(session, "_sess", None)
    record = getattr(session, "_npu_record", None)
    return record.number if record else None

"""What the training runs of a session do to its variables."""

import atexit
import weakref

from .. import trace
from . import batches, gradients, variables
from .digests import digest, size, sums

_FIRST = 16  # training runs, each of which is looked at; after them one in ever more


def wanted(ops, fed):
    """Returns what has to be fetched to look at what a run trains with; nothing if it does not.

    Args:
        ops: operators whose results or effects it wants.
        fed: tensors whose values are fed.
    """
    applied = gradients.find(ops, fed)
    return gradients.tensors(applied) if applied is not None else []


class Steps:
    """Tells of the training runs of one session.

    Args:
        session: BaseSession.
        number: of the session in the trace.
        do_run: runs it, past what records its runs: BaseSession._do_run.
    """

    def __init__(self, session, number, do_run):
        self._session = weakref.ref(session)
        self._number = number
        self._do_run = do_run
        self._trained = set()
        self._count = 0
        self._told = None
        atexit.register(self.end)

    def before(self, applied):
        """Looks at a training run that is about to start.

        Args:
            applied: gradients.Applied.

        Returns:
            Tensors to fetch as well.
        """
        self._trained |= applied.trained
        if self._count == 0:
            self._tell_variables()
        step = self._count + 1
        return gradients.tensors(applied) if step <= _FIRST or step & (step - 1) == 0 else []

    def after(self, applied, fetched, feeds):
        """Tells of a training run that is done.

        Args:
            applied: gradients.Applied.
            fetched: {tensor: array}; empty where none were asked for.
            feeds: {tensor: array} that the run was given.
        """
        self._count += 1
        if fetched:
            data = {tensor: fetched[tensor] for tensor in applied.data}
            told = batches.told({**data, **feeds})
            trace.emit("batch", session=self._number, step=self._count, **told)
            trace.emit(
                "gradients",
                session=self._number,
                step=self._count,
                unseen=applied.unseen,
                gradients={
                    gradient.variable: _fields(gradient, fetched) for gradient in applied.gradients
                },
            )
        if self._count & (self._count - 1) == 0:
            self._tell_variables()

    def end(self):
        """Tells of the variables as the last training run left them."""
        if self._count and self._told != self._count:
            self._tell_variables()

    def _tell_variables(self):
        session = self._session()
        if session is None or session._session is None or session._closed:
            return
        self._told = self._count
        trained, others = variables.read(session, self._trained, self._do_run)
        trace.emit(
            "variables", session=self._number, step=self._count, trained=trained, others=others
        )


def _fields(gradient, fetched):
    own = fetched[gradient.applied if gradient.own is None else gradient.own]
    fields = {
        "applied": digest(fetched[gradient.applied]),
        "own": digest(own),
        "size": trace.number(size(own)),
        "reduced": gradient.reduced is not None,
    }
    if gradient.reduced is not None:
        fields["sums"] = [trace.number(value) for value in sums(own)]
        found = sums(fetched[gradient.reduced])
        fields["reduced_sums"] = [trace.number(value) for value in found]
        fields["factors"] = list(gradient.factors)
        if fetched[gradient.reduced].shape != own.shape:  # Rows of all ranks, one after the other.
            fields["sums"], fields["reduced_sums"] = fields["sums"][:1], fields["reduced_sums"][:1]
    return fields

"""What is compared, what counts as different, and where it is said to begin."""

from __future__ import annotations

import pytest

from migrate.verify.parity import compare, relative
from migrate.verify.trace import Graph, Process, Run, Scalar

TRAIN = Graph((), "{}", True)
READ = Graph((), "{}", False)


def process(*runs: Run, pid: int = 1) -> Process:
    """A process whose signature ``t`` trains and whose ``r`` does not."""
    made = Process(0, pid, runs=list(runs))
    for run in runs:
        made.graphs[run.session, run.signature] = TRAIN if run.signature == "t" else READ
    return made


def step(session: int = 1, signature: str = "t", main: bool = True, **scalars: Scalar) -> Run:
    return Run(session, signature, 0.1, main, scalars)


def losses(*values: Scalar) -> list[Process]:
    return [process(*(step(loss=value) for value in values))]


def test_equal_to_the_bit() -> None:
    made = compare("train", losses(0.5, 0.25, "nan"), losses(0.5, 0.25, "nan"))
    assert made.ok
    assert (made.values, made.equal, made.tensors, made.steps) == (3, 3, 1, 3)
    assert made.largest is None


def test_within_the_tolerance_is_not_bit_equal_but_fine() -> None:
    made = compare("train", losses(1.0, 2.0), losses(1.0, 2.0000001))
    assert made.ok
    assert made.equal == 1
    assert made.largest is not None
    assert made.largest.relative == pytest.approx(5e-8, rel=0.01)


def test_the_first_step_and_tensor_that_differ_are_named() -> None:
    upstream = [process(*(step(loss=1.0, norm=float(n)) for n in range(1, 5)))]
    port = [process(*(step(loss=1.0, norm=float(n + (n > 2) * n)) for n in range(1, 5)))]
    made = compare("train", upstream, port)
    assert not made.ok
    assert made.beyond == 2
    assert made.first is not None
    assert (made.first.step, made.first.tensor) == (3, "norm")
    assert (made.first.upstream, made.first.port) == (3.0, 6.0)


def test_a_larger_difference_later_does_not_hide_the_first() -> None:
    made = compare("train", losses(1.0, 1.0, 1.0), losses(1.0, 1.1, 9.0))
    assert made.first is not None and made.largest is not None
    assert made.first.step == 2
    assert made.largest.step == 3


@pytest.mark.parametrize("other", ["nan", "inf", 1.0])
def test_a_number_that_is_none_any_more_differs(other: Scalar) -> None:
    assert not compare("train", losses(0.5), losses(other)).ok
    assert not compare("train", losses(other), losses(0.5)).ok


def test_a_stated_tolerance_is_kept() -> None:
    made = compare("train", losses(1.0), losses(1.0005), 1e-3, "a race of its own")
    assert made.ok
    assert made.tolerance_why == "a race of its own"
    assert not compare("train", losses(1.0), losses(1.002), 1e-3, "x").ok


def test_what_one_side_fetched_less_often_is_missing() -> None:
    made = compare("train", losses(1.0, 2.0), losses(1.0))
    assert not made.ok
    assert made.missing == ("loss: fetched 2 times by upstream, 1 times by the port",)


def test_what_only_one_side_fetched_is_missing() -> None:
    made = compare("train", [process(step(loss=1.0, old=2.0))], [process(step(loss=1.0, new=2.0))])
    assert not made.ok
    assert len(made.missing) == 2


def test_nothing_compared_is_not_fine() -> None:
    assert not compare("train", [], []).ok
    assert not compare("train", [process(step())], [process(step())]).ok


def test_sessions_are_paired_by_their_order_among_those_that_fetch_numbers() -> None:
    upstream = [process(step(1, loss=1.0), step(2, loss=2.0))]
    port = [process(step(1), step(4, loss=1.0), step(7, loss=2.0))]
    made = compare("train", upstream, port)
    assert made.ok
    assert made.values == 2


def test_processes_are_paired_in_order() -> None:
    both = [process(step(loss=1.0)), process(step(loss=2.0), pid=2)]
    assert compare("train", both, both).ok
    assert not compare("train", both, both[::-1]).ok


def test_what_depends_on_the_clock_is_left_out() -> None:
    fill = "summary batch/fraction_of_32_full"
    upstream = [process(step(loss=1.0, **{fill: 0.5}), step(main=False, global_step=3))]
    port = [process(step(loss=1.0, **{fill: 0.75}))]
    made = compare("train", upstream, port)
    assert made.ok
    assert (made.values, made.timed) == (1, 2)


def test_steps_count_training_only() -> None:
    upstream = [process(step(signature="r", x=1.0), step(loss=1.0), step(signature="r", x=2.0))]
    port = [process(step(signature="r", x=1.0), step(loss=1.0), step(signature="r", x=3.0))]
    made = compare("train", upstream, port)
    assert made.steps == 1
    assert made.first is not None
    assert made.first.step == 1


def test_curves_are_losses_where_a_name_says_so() -> None:
    runs = [step(total_loss=float(n), accuracy=n / 2, constant=1.0, count=n) for n in range(6)]
    curves = compare("train", [process(*runs)], [process(*runs)]).curves
    assert [curve.tensor for curve in curves] == ["total_loss", "accuracy"]
    assert curves[0].upstream == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1.0, 1.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 1e-30, 1.0),
        (2.0, 1.0, 0.5),
        (-1.0, 1.0, 2.0),
        (True, False, 1.0),
        ("nan", "nan", 0.0),
        ("nan", 1.0, float("inf")),
    ],
)
def test_relative_differences(a: Scalar, b: Scalar, expected: float) -> None:
    assert relative(a, b) == expected
    assert relative(b, a) == expected

"""npu_gradients scales the loss by the scale of the optimizer that applies the gradients."""

import gc
import os
import sys
import weakref

import npu_runtime
import numpy as np
import pytest
import tensorflow as tf
from npu_runtime import npu_gradients, npu_optimizer

KIT = os.path.dirname(os.path.dirname(os.path.dirname(npu_runtime.__file__)))
sys.path.insert(0, os.path.join(KIT, "simulator"))

X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(8, 1)
RATE = 0.1


@pytest.fixture(autouse=True)
def graph(monkeypatch):
    monkeypatch.setenv("NPU_PRECISION_MODE", "allow_mix_precision")
    monkeypatch.delenv("NPU_LOSS_SCALE", raising=False)
    with tf.Graph().as_default():
        yield


@pytest.fixture
def upstream(monkeypatch):
    """Trains by a function as upstream would; returns what it returns."""

    def run(train, *given):
        with monkeypatch.context() as patch, tf.Graph().as_default():
            patch.setenv("NPU_DEVICE", "host")
            return train(*given)

    return run


def sgd():
    return tf.train.GradientDescentOptimizer(RATE)


def adam():
    return tf.train.AdamOptimizer(RATE)


def momentum():
    return tf.train.MomentumOptimizer(RATE, 0.9)


def weight(name="w", **kwargs):
    return tf.get_variable(name, [1, 1], initializer=tf.constant_initializer(0.3), **kwargs)


def loss_of(variable, target=2.0):
    return tf.reduce_mean(tf.square(tf.matmul(tf.constant(X), variable) - target * X))


def scales():
    return [v for v in tf.global_variables() if v.op.name.startswith("loss_scale")]


def trained(train_op, *fetches, steps=3, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(steps):
            session.run(train_op, feeds)
        return session.run(fetches)


def is_scaled(gradient):
    """Whether the scale of a manager is a factor of what leads to a gradient."""
    left, seen = [gradient.op], set()
    while left:
        operator = left.pop()
        if operator not in seen:
            seen.add(operator)
            left.extend(tensor.op for tensor in operator.inputs)
    return any(operator.name.startswith("loss_scale") for operator in seen)


# --- the same numbers ---------------------------------------------------------------------------


def clipped_then_optimizer():
    variable = weight()
    (gradient,), norm = tf.clip_by_global_norm(npu_gradients(loss_of(variable), [variable]), 0.25)
    train_op = npu_optimizer(adam()).apply_gradients(zip([gradient], [variable]))
    return trained(train_op, variable, norm, gradient)


def optimizer_first():
    variable, optimizer = weight(), npu_optimizer(momentum())
    gradients = npu_gradients(loss_of(variable), [variable])
    pairs = [(tf.clip_by_value(g, -0.5, 0.5), v) for g, v in zip(gradients, [variable])]
    step = tf.train.get_or_create_global_step()
    return trained(optimizer.apply_gradients(pairs, global_step=step), variable, step)


def several_losses():
    """A list of them, of several shapes, with given gradients for some."""
    first, second = weight("a"), weight("b", use_resource=True)
    ys = [loss_of(first), tf.matmul(tf.constant(X), first * second), second]
    gradients = npu_gradients(ys, [first, second], [None, tf.constant(X), tf.constant([[0.5]])])
    gradients = tf.tuple(gradients)  # each needs the variable that the other one changes
    train_op = npu_optimizer(sgd()).apply_gradients(zip(gradients, [first, second]))
    return trained(train_op, first, second)


def options_of_gradients():
    first, second = weight("a"), weight("b")
    middle = first * 3
    gradients = npu_gradients(
        loss_of(first + middle),
        (first, second),
        name="mine",
        colocate_gradients_with_ops=True,
        stop_gradients=[middle],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    train_op = npu_optimizer(sgd()).apply_gradients(zip(gradients, [first, second]))
    return trained(train_op, first, second)


def embeddings():
    table = tf.get_variable("table", [6, 2], initializer=tf.constant_initializer(0.3))
    found = tf.nn.embedding_lookup(table, [1, 3, 3])
    gradients = npu_gradients(tf.reduce_sum(tf.square(found - 1)), table)
    assert isinstance(gradients[0], tf.IndexedSlices)
    gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
    # Slices that are not there leave a row's momentum as it is: unlike zeros.
    train_op = npu_optimizer(momentum()).apply_gradients(zip(gradients, [table]))
    return trained(train_op, table)


def towers():
    variable, sums = weight(), []
    for target in (1.0, 3.0):
        sums += npu_gradients(loss_of(variable, target), [variable])
    train_op = npu_optimizer(adam()).apply_gradients([(tf.add_n(sums) / 2, variable)])
    return trained(train_op, variable)


def two_optimizers_of_one_loss():
    first, second = weight("a"), weight("b")
    gradients = npu_gradients(loss_of(first + second), [first, second])
    slow = npu_optimizer(sgd()).apply_gradients(zip(gradients[:1], [first]))
    fast = npu_optimizer(adam()).apply_gradients(zip(gradients[1:], [second]))
    return trained(tf.group(slow, fast), first, second)


def in_a_loop():
    """Gradients of each part of a batch, added up."""
    variable = weight()

    def body(i, total):
        (gradient,) = npu_gradients(loss_of(variable, tf.to_float(i)), [variable])
        return i + 1, total + gradient

    _, total = tf.while_loop(lambda i, _: i < 3, body, [0, tf.zeros([1, 1])])
    return trained(npu_optimizer(sgd()).apply_gradients([(total, variable)]), variable)


def by_another_optimizers_compute_gradients():
    variable = weight()
    pairs = npu_optimizer(sgd()).compute_gradients(loss_of(variable))
    return trained(npu_optimizer(adam()).apply_gradients(pairs), variable)


@pytest.mark.parametrize(
    "train",
    [
        clipped_then_optimizer,
        optimizer_first,
        several_losses,
        options_of_gradients,
        embeddings,
        towers,
        two_optimizers_of_one_loss,
        in_a_loop,
        by_another_optimizers_compute_gradients,
    ],
)
def test_what_is_applied_is_unscaled(upstream, train):
    scaled = train()
    assert len(scales()) == 1
    for mine, theirs in zip(scaled, upstream(train)):
        np.testing.assert_array_equal(mine, theirs)


def accumulated(use_resource):
    variable = weight()
    total = tf.get_variable(
        "total",
        [1, 1],
        trainable=False,
        initializer=tf.zeros_initializer(),
        use_resource=use_resource,
    )
    (gradient,) = npu_gradients(loss_of(variable), [variable])
    add = total.assign_add(gradient)
    apply = npu_optimizer(sgd()).apply_gradients([(total / 2, variable)])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(add)
        session.run(add)
        session.run(apply)
        return session.run(variable), gradient


@pytest.mark.parametrize("use_resource", [False, True])
def test_what_is_accumulated_from_run_to_run(upstream, use_resource):
    value, gradient = accumulated(use_resource)
    assert is_scaled(gradient)
    assert value == upstream(accumulated, use_resource)[0]


def test_what_sync_replicas_gathers():
    variable = weight()
    step = tf.train.create_global_step()
    optimizer = tf.train.SyncReplicasOptimizer(npu_optimizer(sgd()), 1, total_num_replicas=1)
    (gradient,) = npu_gradients(loss_of(variable), [variable])
    optimizer.apply_gradients([(gradient, variable)], step)
    assert is_scaled(gradient)


def test_what_leads_nowhere_is_none():
    first, second = weight("a"), weight("b")
    gradients = npu_gradients(loss_of(first), [first, second])
    assert gradients[1] is None
    train_op = npu_optimizer(sgd()).apply_gradients(zip(gradients, [first, second]))
    assert trained(train_op, second)[0] == np.float32(0.3)


# --- whose scale --------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("fixed", ["", "1024"])
def test_the_loss_is_scaled(monkeypatch, before, fixed):
    if fixed:
        monkeypatch.setenv("NPU_LOSS_SCALE", fixed)
    variable = weight()
    optimizer = npu_optimizer(sgd()) if before else None
    tiny = 1e-30  # of which an fp16 sees nothing, even scaled
    loss = loss_of(variable) * tiny
    seen = []

    @tf.custom_gradient
    def watched(x):
        def grad(dy):
            seen.append(dy)
            return dy

        return tf.identity(x), grad

    gradients = npu_gradients(watched(loss), [variable])
    optimizer = optimizer or npu_optimizer(sgd())
    train_op = optimizer.apply_gradients(zip(gradients, [variable]))
    (factor,) = trained(train_op, seen[0], steps=0)
    assert factor == (float(fixed) if fixed else 2**32)
    assert len(scales()) == (0 if fixed else 1)


def test_what_overflows_is_left_out_and_lowers_the_scale():
    variable = weight()
    bad = tf.placeholder_with_default(1.0, [])
    gradients, _ = tf.clip_by_global_norm(npu_gradients(loss_of(variable) * bad, [variable]), 1.0)
    step = tf.train.create_global_step()
    train_op = npu_optimizer(adam()).apply_gradients(zip(gradients, [variable]), step)
    (scale,) = scales()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        begins, value = session.run([scale, variable])
        for _ in range(2):
            session.run(train_op, {bad: 1e30})  # overflows only because it is scaled
        assert session.run([step, variable]) == [0, value]
        assert session.run(scale) == begins / 2
        session.run(train_op)
        assert session.run(step) == 1
        assert session.run(variable) != value


def test_towers_share_a_scale_that_any_of_them_lowers():
    variable = weight()
    bad = tf.placeholder_with_default(1.0, [])
    gradients = npu_gradients(loss_of(variable), [variable])
    gradients += npu_gradients(loss_of(variable) * bad, [variable])
    train_op = npu_optimizer(sgd()).apply_gradients([(tf.add_n(gradients), variable)])
    (scale,) = scales()
    (begins,) = trained([], scale, steps=0)
    after = trained(train_op, scale, variable, steps=2, feeds={bad: 1e30})
    assert after == (begins / 2, np.float32(0.3))
    assert all(map(is_scaled, gradients))


def test_losses_of_two_optimizers_have_a_scale_each():
    first, second = weight("a"), weight("b")
    bad = tf.placeholder_with_default(1.0, [])
    train_ops = []
    for variable, loss in ((first, loss_of(first) * bad), (second, loss_of(second))):
        gradients = npu_gradients(loss, [variable])
        optimizer = npu_optimizer(sgd())
        train_ops.append(optimizer.apply_gradients(zip(gradients, [variable])))
    before = trained([], *scales(), steps=0)
    assert len(before) == 2
    after = trained(train_ops, *scales(), steps=2, feeds={bad: 1e30})
    assert after == (before[0] / 2, before[1])


def test_losses_with_scales_of_their_own_that_are_applied_together():
    variable = weight()
    bad = tf.placeholder_with_default(1.0, [])
    optimizers = npu_optimizer(sgd()), npu_optimizer(sgd())
    losses = loss_of(variable), loss_of(variable) * bad
    pairs = [o.compute_gradients(loss)[0] for o, loss in zip(optimizers, losses)]
    total = tf.add_n([gradient for gradient, _ in pairs])
    train_op = optimizers[0].apply_gradients([(total, variable)])
    before = trained([], *scales(), steps=0)
    assert len(before) == 2
    after = trained(train_op, *scales(), steps=2, feeds={bad: 1e30})
    assert after == tuple(scale / 2 for scale in before)


def test_a_penalty_has_the_scale_of_the_loss_that_it_is_a_part_of(upstream):
    def train():
        variable = weight()
        points = tf.constant(X)
        (slopes,) = tf.gradients(tf.square(tf.matmul(points, variable)), [points])
        loss = loss_of(variable) + tf.reduce_mean(tf.square(slopes))
        gradients = npu_gradients(loss, [variable])
        return trained(npu_optimizer(adam()).apply_gradients(zip(gradients, [variable])), variable)

    assert train() == upstream(train)


# --- nothing is scaled --------------------------------------------------------------------------


def test_what_no_optimizer_applies_is_what_tf_gradients_computes():
    variable = weight()
    mine = npu_gradients(loss_of(variable) * 1e30, [variable])
    theirs = tf.gradients(loss_of(variable) * 1e30, [variable])
    for a, b in zip(*trained([], mine, theirs, steps=0)):
        np.testing.assert_array_equal(a, b)
        assert np.isfinite(a).all()
    assert not scales()


def test_optimizers_of_others_get_what_tf_gradients_computes(upstream):
    def train():
        variable = weight(use_resource=True)
        gradients = npu_gradients(loss_of(variable), [variable])
        optimizer = tf.keras.optimizers.SGD(RATE)
        train_op = optimizer.apply_gradients(zip(gradients, [variable]))
        return trained(train_op, variable)

    assert train() == upstream(train)


@pytest.mark.parametrize(
    "settings",
    [
        {"NPU_DEVICE": "host"},
        {"NPU_PRECISION_MODE": "none"},
        {"NPU_PRECISION_MODE": "force_fp32"},
        {"NPU_LOSS_SCALE": "off"},
    ],
)
def test_the_graph_is_that_of_tf_gradients(monkeypatch, settings):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def definition(gradients):
        with tf.Graph().as_default() as graph:
            table = tf.get_variable("table", [6, 2])
            loss = tf.reduce_sum(tf.nn.embedding_lookup(table, [1, 3]))
            found = gradients(loss, [table], name="mine", gate_gradients=True)
            found, _ = tf.clip_by_global_norm(found, 1.0)
            npu_optimizer(adam()).apply_gradients(zip(found, [table]))
            return graph.as_graph_def().SerializeToString(deterministic=True)

    assert definition(npu_gradients) == definition(tf.gradients)


# --- besides ------------------------------------------------------------------------------------


def test_checkpoints_are_those_of_a_training_that_does_not_scale(monkeypatch, tmp_path):
    def model():
        variable = weight()
        gradients = npu_gradients(loss_of(variable), [variable])
        return variable, npu_optimizer(adam()).apply_gradients(zip(gradients, [variable]))

    with monkeypatch.context() as patch, tf.Graph().as_default(), tf.Session() as session:
        patch.setenv("NPU_PRECISION_MODE", "none")
        variable, train_op = model()
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        tf.train.Saver().save(session, str(tmp_path / "model"))
        expected = session.run(variable)
    variable, train_op = model()
    with tf.Session() as session:
        tf.train.Saver().restore(session, str(tmp_path / "model"))
        assert session.run(variable) == expected
        session.run(train_op)
        tf.train.Saver().save(session, str(tmp_path / "scaled"))
    names = {name for name, _ in tf.train.list_variables(str(tmp_path / "model"))}
    more = {name for name, _ in tf.train.list_variables(str(tmp_path / "scaled"))} - names
    assert more == {"loss_scale", "good_steps", "bad_steps"}


@pytest.mark.parametrize("train", [clipped_then_optimizer, optimizer_first, towers])
def test_adapters_that_take_the_overflow_flag_as_they_compute(monkeypatch, upstream, train):
    """As r1.6.0 and before: only the object that computed gradients can tell what overflowed."""
    from npu_bridge.estimator.npu import npu_loss_scale_optimizer

    class Old(npu_loss_scale_optimizer.NPULossScaleOptimizer):
        def __getattr__(self, name):  # No copy can be made of it.
            return getattr(self._opt, name)

        def compute_gradients(self, *args, **kwargs):
            self._float_status = tf.zeros([8])
            return super().compute_gradients(*args, **kwargs)

        def apply_gradients(self, *args, **kwargs):
            assert "_float_status" in vars(self)
            return super().apply_gradients(*args, **kwargs)

    monkeypatch.setattr(npu_loss_scale_optimizer, "NPULossScaleOptimizer", Old)
    for mine, theirs in zip(train(), upstream(train)):
        np.testing.assert_array_equal(mine, theirs)


def test_an_estimator_whose_optimizer_assigns(tmp_path):
    """As BERT trains: an optimizer of its own, made anew for each graph, that assigns."""

    class Assigning(tf.train.Optimizer):
        def __init__(self):
            super().__init__(False, "Assigning")

        def apply_gradients(self, grads_and_vars, global_step=None, name=None):
            pairs = [(g, v) for g, v in grads_and_vars if g is not None]
            return tf.group(*[v.assign(v - RATE * g) for g, v in pairs])

    def model_fn(features, labels, mode):
        variable = weight()
        loss = loss_of(variable)
        optimizer, step = npu_optimizer(Assigning()), tf.train.get_global_step()
        gradients, _ = tf.clip_by_global_norm(npu_gradients(loss, [variable]), 1.0)
        train_op = optimizer.apply_gradients(zip(gradients, [variable]), global_step=step)
        train_op = tf.group(train_op, step.assign_add(1))
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    estimator = tf.estimator.Estimator(model_fn, str(tmp_path))
    for _ in range(2):
        estimator.train(lambda: tf.data.Dataset.from_tensors(X).repeat(), steps=2)
    assert estimator.get_variable_value("good_steps") == 4
    assert estimator.get_variable_value("w") > 0.3


def test_a_graph_is_not_kept(monkeypatch):
    monkeypatch.setenv("NPU_LOSS_SCALE", "1024")
    with tf.Graph().as_default() as graph:
        variable = weight()
        gradients = npu_gradients(loss_of(variable), [variable])
        npu_optimizer(sgd()).apply_gradients(zip(gradients, [variable]))
    kept = weakref.ref(graph)
    del graph, variable, gradients
    gc.collect()
    assert kept() is None


def test_without_an_adapter(monkeypatch):
    monkeypatch.setitem(sys.modules, "npu_bridge", None)
    variable = weight()
    with pytest.raises(RuntimeError, match="No NPU to train on"):
        npu_gradients(loss_of(variable), [variable])

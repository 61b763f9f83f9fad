"""Operators, scopes, recurrent networks and helpers of CANN 7.0."""

import math

import numpy as np
import pytest
import tensorflow as tf
from npu_bridge.estimator import npu_aicore_ops, npu_ops
from npu_bridge.estimator.npu import npu_dynamic_rnn, npu_rnn, npu_scope, npu_strategy, util
from npu_bridge.estimator.npu.npu_config import NpuExecutePlacement
from npu_bridge.estimator.npu_unary_ops import npu_unary_ops
from npu_bridge.hccl import hccl_ops
from npu_simulator.surface import NotSimulated


def value(tensor, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensor, feeds)


def test_gelu():
    x = np.linspace(-4, 4, 33).astype(np.float32)
    exact = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x]
    assert np.allclose(value(npu_unary_ops.gelu(x)), exact, atol=5e-4)
    fast = x / (1 + np.exp(-1.702 * x))
    assert np.allclose(value(npu_aicore_ops.fast_gelu_v2(x)), fast, atol=1e-6)
    tensor = tf.constant(x)
    (slope,) = tf.gradients(npu_unary_ops.gelu(tensor), tensor)
    assert np.isclose(value(slope)[16], 0.5)


def test_dropout():
    x = tf.ones([200, 50])
    y = npu_ops.dropout(x, 0.8, seed=3)
    (slope,) = tf.gradients(y, x)
    kept, slopes = value([y, slope])
    assert set(np.unique(kept)) == {0.0, np.float32(1.25)}
    assert 0.75 < (kept > 0).mean() < 0.85
    assert np.array_equal(kept, slopes)  # The gradient has the same mask.


def test_dropout_is_that_of_tensorflow_with_the_same_seed():
    x = tf.ones([20, 10])
    tf.set_random_seed(1)
    ours = npu_ops.dropout(x, 0.5, seed=7)
    theirs = tf.nn.dropout(x, keep_prob=0.5, seed=7)
    assert np.array_equal(*value([ours, theirs]))


def test_dropout_of_everything_or_wrong():
    x = tf.ones([3])
    assert npu_ops.dropout(x, 1.0) is x
    assert value(npu_ops.dropout(x, tf.constant(1.0))).tolist() == [1, 1, 1]
    for probability in (0.0, 1.5):
        with pytest.raises(ValueError, match=r"range \(0, 1\], got"):
            npu_ops.dropout(x, probability)
    with pytest.raises(ValueError, match="floating point tensor"):
        npu_ops.dropout(tf.constant([1]), 0.5)
    rows = value(npu_ops.dropout(tf.ones([50, 4]), 0.5, noise_shape=[50, 1]))
    assert all(len(set(row)) == 1 for row in rows)


def test_small_operators():
    x = tf.constant([[-2.0, 4.0]])
    assert value(npu_aicore_ops.prelu(x, tf.constant([0.5, 0.5]))).tolist() == [[-1, 4]]
    assert value(npu_aicore_ops.centralization(x, [1])).tolist() == [[-3, 3]]
    assert value(npu_aicore_ops.dropout_v3(x, 1.0)).tolist() == [[-2, 4]]
    with pytest.raises(NotSimulated, match="lru_cache_v2"):
        npu_aicore_ops.lru_cache_v2(1, 2, 3, 4, 5, 6)


def test_lars():
    weight, gradient = np.array([3.0, 4.0], np.float32), np.array([0.6, 0.8], np.float32)
    got = value(npu_ops.LARSV2(weight, gradient, 0.1, 0.01))
    rate = 0.001 * 5 / (1 + 0.1 * 5 + 1e-5)
    assert np.allclose(got, (gradient + 0.1 * weight) * rate)
    clipped = value(npu_ops.LARSV2(weight, gradient, 0.1, 0.01, hyperpara=10.0, use_clip=True))
    assert np.allclose(clipped, gradient + 0.1 * weight)


def attribute(op, name):
    try:
        return op.get_attr(name)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("scope", "attributes"),
    [
        (npu_scope.without_npu_compile_scope, {"_without_npu_compile": True}),
        (npu_scope.keep_dtype_scope, {"_keep_dtype": 1}),
        (npu_scope.npu_variable_scope, {"_variable_placement": b"all"}),
        (lambda: npu_scope.npu_stage_scope(2), {"_stage_level": 2}),
        (npu_scope.npu_mem_type_scope, {"_output_memory_type": 1}),
        (
            npu_scope.npu_weight_prefetch_scope,
            {"_buffer_pool_id": 0, "_buffer_pool_size": 536870912},
        ),
        (
            lambda: npu_scope.op_specified_engine_scope("e", "k"),
            {"_specified_engine_name": b"e", "_specified_kernel_lib_name": b"k"},
        ),
        (lambda: npu_scope.npu_qos_label_scope(3), {"_qos_service_label": 3}),
        (lambda: npu_scope.subgraph_multi_dims_scope(4), {"_subgraph_multi_dims_index": 4}),
        (npu_scope.npu_optimizer_scope, {"_optimizer": True}),
    ],
)
def test_scopes_mark_operators(scope, attributes):
    with scope():
        inside = tf.constant(1.0)
    outside = tf.constant(1.0)
    for name, expected in attributes.items():
        assert attribute(inside.op, name) == expected
        assert attribute(outside.op, name) is None


def test_scopes_that_name_operators():
    with npu_scope.npu_recompute_scope():
        assert tf.constant(1).op.name == "NpuRecompute/Const"
    with npu_scope.npu_graph_slice_scope(2):
        assert tf.constant(1).op.name == "SliceNum-2-NpuGraphSlicing2/Const"
    with pytest.raises(ValueError, match="placement vaule"):
        npu_scope.npu_variable_scope("device")
    with npu_scope.npu_variable_scope(NpuExecutePlacement.HOST):
        assert attribute(tf.constant(1).op, "_variable_placement") == b"host"


def test_npu_dynamic_rnn_is_static_rnn_on_time_first():
    inputs = np.random.RandomState(0).rand(5, 2, 3).astype(np.float32)
    cell = tf.nn.rnn_cell.GRUCell(4, kernel_initializer=tf.ones_initializer())
    with tf.variable_scope("same"):
        outputs, state = npu_rnn.npu_dynamic_rnn(cell, tf.constant(inputs), dtype=tf.float32)
    with tf.variable_scope("same", reuse=True):
        reference, last = tf.nn.dynamic_rnn(
            cell, tf.constant(inputs), dtype=tf.float32, time_major=True
        )
    one, two, three, four = value([outputs, reference, state, last])
    assert one.shape == (5, 2, 4)
    assert np.allclose(one, two) and np.allclose(three, four)


def lstm(x, weight, bias, forget_bias):
    """An LSTM in NumPy: gates in the order i, j, f, o."""

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    units = weight.shape[1] // 4
    h = c = np.zeros([x.shape[1], units])
    outputs = []
    for step in x:
        i, j, f, o = np.split(np.concatenate([step, h], 1) @ weight + bias, 4, axis=1)
        c = c * sigmoid(f + forget_bias) + sigmoid(i) * np.tanh(j)
        h = np.tanh(c) * sigmoid(o)
        outputs.append(h)
    return np.array(outputs)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0])
def test_dynamic_rnn(forget_bias):
    x = np.random.RandomState(0).rand(5, 2, 3).astype(np.float32)
    layer = npu_dynamic_rnn.DynamicRNN(4, tf.float32, forget_bias=forget_bias)
    outputs = layer(tf.constant(x))
    assert len(outputs) == 8
    weight, bias = layer.trainable_variables
    assert (weight.shape.as_list(), bias.shape.as_list()) == ([7, 16], [16])
    got, w, b = value([outputs[0], weight, bias])
    assert np.allclose(got, lstm(x, w, b, forget_bias), atol=1e-5)
    assert tf.gradients(outputs[0], weight)[0] is not None


def test_dynamic_rnn_in_both_directions():
    x = np.random.RandomState(0).rand(5, 2, 3).astype(np.float32)
    layer = npu_dynamic_rnn.DynamicRNN(4, tf.float32, direction="BIDIRECTIONAL")
    y = layer(tf.constant(x))[0]
    weight, bias = layer.trainable_variables
    got, w, b = value([y, weight, bias])
    assert got.shape == (2, 5, 2, 4)
    assert np.allclose(got[0], lstm(x, w[0], b[0], 0), atol=1e-5)
    assert np.allclose(got[1][::-1], lstm(x[::-1], w[1], b[1], 0), atol=1e-5)


def test_dynamic_rnn_that_is_not_simulated():
    with pytest.raises(NotSimulated, match=r"DynamicRNN\(use_peephole=True\)"):
        npu_dynamic_rnn.DynamicRNN(4, tf.float32, use_peephole=True)
    with pytest.raises(ValueError, match="Invalid direction: UP"):
        npu_dynamic_rnn.DynamicRNN(4, tf.float32, direction="UP")


def test_strategy():
    strategy = npu_strategy.NPUStrategy()
    assert strategy.num_replicas_in_sync == 1
    with strategy.scope():
        variable = tf.Variable(1.0)
    assert value(variable) == 1.0


def test_collectives_of_a_single_rank():
    x = tf.constant([[1.0, 2.0]])
    for reduction in ("sum", "prod", "max", "min"):
        assert value(hccl_ops.allreduce(x, reduction)).tolist() == [[1, 2]]
    assert value(hccl_ops.allgather(x, 1)).tolist() == [[1, 2]]
    assert value(hccl_ops.broadcast([x], 0))[0].tolist() == [[1, 2]]
    assert value(hccl_ops.reduce_scatter(x, "sum", 1)).tolist() == [[1, 2]]
    assert value(hccl_ops.reduce(x, "sum", 0)).tolist() == [[1, 2]]
    (slope,) = tf.gradients(hccl_ops.allreduce(x, "sum"), x)
    assert value(slope).tolist() == [[1, 1]]
    with pytest.raises(ValueError, match="'reduction' of \"mean\" is not in the list"):
        hccl_ops.allreduce(x, "mean")
    with pytest.raises(ValueError, match="rank_size=2, but hccl_world_group has 1 ranks"):
        hccl_ops.allgather(x, 2)
    with pytest.raises(TypeError, match="Expected list"):
        hccl_ops.broadcast(x, 0)
    with pytest.raises(LookupError, match="No gradient defined"):
        tf.gradients(hccl_ops.allreduce(x, "max"), x)


def counter():
    step = tf.train.create_global_step()
    return step, tf.assign_add(step, 1).op


def test_several_steps_in_each_run():
    step, train = counter()
    seen = tf.placeholder(tf.int64, [])
    with tf.control_dependencies([train]):
        train = tf.group(tf.assert_equal(seen, tf.constant(5, tf.int64)))
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        loop = util.set_iteration_per_loop(session, train, 3)
        assert loop.name == "IterationOp"
        session.run(loop, {seen: 5})
        assert session.run(step) == 3
        session.run({"train": [loop], "step": step.initialized_value()}, {seen: 5})
        assert session.run(step) == 6
        session.run(train, {seen: 5})  # Not the operator of the loop.
        assert session.run(step) == 7


def test_several_steps_of_a_finalized_graph():
    step, train = counter()
    loops = util.IterationPerLoop()
    train = loops.create_iteration_per_loop_var(train)
    tf.global_variables_initializer(), tf.local_variables_initializer()
    with tf.train.MonitoredSession() as session:
        loops.load_iteration_per_loop_var(session._tf_sess(), 4)
        session.run(train)
        assert session.run(step) == 4


def test_arguments_of_loops():
    _, train = counter()
    assert util.set_iteration_per_loop(None, train, 1) is train
    with pytest.raises(ValueError, match="The incoming 'train_op' type is 'float32', and the need"):
        util.set_iteration_per_loop(None, tf.constant(1.0), 2)
    with pytest.raises(ValueError, match="iterations_per_loop must be positive, got 0"):
        util.set_iteration_per_loop(None, train, 0)
    with pytest.raises(TypeError, match="iterations_per_loop must be int, got <class 'float'>"):
        util.set_iteration_per_loop(None, train, 2.0)


def test_marks_on_operators():
    x = tf.constant(1.0, name="x")
    util.keep_tensors_dtypes(tf.get_default_graph(), ["x:0"])
    util.set_op_tensor_max_range(x, "1,2")
    util.set_graph_exec_config("x:0", dynamic_input=True, dynamic_inputs_shape_range="g:[1]")
    assert attribute(x.op, "_keep_dtype") == 1
    assert attribute(x.op, "_op_max_shape") == b"1,2"
    assert attribute(x.op, "_graph_dynamic_input") is True
    assert attribute(x.op, "_graph_dynamic_inputs_shape_range") == b"g:[1]"
    with pytest.raises(ValueError, match="lazy_recompile or dynamic_execute"):
        util.set_graph_exec_config(x, dynamic_graph_execute_mode="x")
    with pytest.raises(ValueError, match="fetch is invalid"):
        util.set_graph_exec_config(7)


def test_dropout_of_keras_is_replaced_by_an_import():
    import npu_bridge.estimator.npu.npu_convert_dropout  # noqa: F401

    layer = tf.keras.layers.Dropout(0.25, seed=1)
    kept = value(layer(tf.ones([100, 20]), training=True))
    assert set(np.unique(kept)) == {0.0, np.float32(1 / 0.75)}
    assert value(layer(tf.ones([2]), training=False)).tolist() == [1, 1]

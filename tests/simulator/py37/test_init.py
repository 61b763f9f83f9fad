"""npu_init of CANN 7.0."""

import npu_bridge
import npu_bridge.npu_init as npu
import pytest
import tensorflow as tf
from npu_simulator.surface import NotSimulated
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig


def entries(config):
    optimizers = config.graph_options.rewrite_options.custom_optimizers
    return [entry for entry in optimizers if entry.name == "NpuOptimizer"]


def used(session):
    return session._config


def test_version():
    assert npu_bridge.__version__ == "v1.15.0"


@pytest.mark.parametrize("given", [None, "", 7, {}])
def test_anything_else_gives_a_new_configuration(given):
    config = npu.npu_config_proto(given)
    rewrite = config.graph_options.rewrite_options
    assert len(entries(config)) == 1
    assert not entries(config)[0].parameter_map
    assert (rewrite.remapping, rewrite.memory_optimization) == (RewriterConfig.OFF,) * 2
    assert config.allow_soft_placement and not config.log_device_placement


def test_the_configuration_is_changed_in_place():
    config = tf.ConfigProto(log_device_placement=True)
    config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1
    config.gpu_options.allow_growth = True
    assert npu.npu_config_proto(config) is config
    assert config.log_device_placement is False
    assert config.graph_options.optimizer_options.global_jit_level == tf.OptimizerOptions.OFF
    assert config.gpu_options.allow_growth is True


def test_memory_optimization_stays_where_there_is_an_entry():
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.custom_optimizers.add(name="NpuOptimizer")
    rewrite = npu.npu_config_proto(config).graph_options.rewrite_options
    assert rewrite.memory_optimization == RewriterConfig.DEFAULT_MEM_OPT
    assert rewrite.remapping == RewriterConfig.OFF


@pytest.mark.parametrize("make", [tf.Session, tf.InteractiveSession])
def test_every_session_is_one_on_the_npu(make):
    session = make()
    assert len(entries(used(session))) == 1
    session.close()
    config = tf.ConfigProto()
    make(config=config).close()
    assert len(entries(config)) == 1  # The user's own object.
    session = make("", None, tf.ConfigProto())
    assert len(entries(used(session))) == 1
    session.close()


def test_sessions_without_a_configuration():
    with tf.Session(config=None):
        pass
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'graph_options'"):
        tf.Session("", tf.get_default_graph(), None)


def test_sessions_of_monitored_training_and_estimators():
    tf.train.create_global_step()
    with tf.train.MonitoredTrainingSession() as session:
        assert len(entries(used(session._tf_sess()))) == 1


def test_hooks():
    mine = [tf.train.StopAtStepHook(1)]
    assert npu.npu_hooks_append(mine) is mine
    assert isinstance(mine[1], npu.NPUBroadcastGlobalVariablesHook)
    assert len(npu.npu_hooks_append()) == len(npu.npu_hooks_append()) == 1
    assert len(npu.npu_hooks_append(tuple(mine))) == 1  # A tuple is dropped.
    callbacks = npu.npu_callbacks_append([tf.keras.callbacks.History()])
    assert isinstance(callbacks[1], npu.NPUBroadcastGlobalVariablesCallback)
    assert len(npu.npu_callbacks_append(())) == 1


def test_options_of_graphs():
    options = tf.OptimizerOptions(global_jit_level=tf.OptimizerOptions.ON_1)
    assert npu.npu_optimizer_options(options) is options
    assert options.global_jit_level == tf.OptimizerOptions.OFF
    graph = npu.npu_graph_options()
    assert graph.optimizer_options.global_jit_level == tf.OptimizerOptions.OFF


def test_run_config_of_an_estimator():
    given = tf.estimator.RunConfig(model_dir="m", save_summary_steps=3)
    assert npu.npu_run_config_init(given) is given
    assert len(entries(given.session_config)) == 1
    assert isinstance(npu.npu_run_config_init("x"), tf.estimator.RunConfig)


def test_keras_session():
    session = npu.set_keras_session_npu_config()
    assert tf.keras.backend.get_session() is session
    assert len(entries(used(session))) == 1
    npu.npu_clear_session()
    assert tf.keras.backend.get_session() is not session
    npu.close_session(session)
    with pytest.raises(RuntimeError, match="closed"):
        session.run([])


def test_resources():
    npu.util.global_dict_init()
    assert npu.get_npu_rank_id() == npu.get_npu_local_rank_id() == 0
    assert npu.get_npu_rank_size() == npu.get_npu_local_rank_size() == 1
    session, shutdown = npu.init_resource()
    assert len(entries(used(session))) == 1
    assert (npu.get_rank_id(), npu.get_rank_size(), npu.get_npu_rank_size()) == (0, 1, 1)
    npu.shutdown_resource(session, shutdown)
    npu.close_session(session)


def test_groups():
    npu.create_group("mine", 1, [0])
    assert (npu.get_rank_size("mine"), npu.get_rank_id("mine")) == (1, 0)
    assert npu.get_world_rank_from_group_rank("mine", 0) == 0
    assert npu.get_group_rank_from_world_rank(0, "mine") == 0
    with pytest.raises(ValueError, match="exists"):
        npu.create_group("mine", 1, [0])
    npu.destroy_group("mine")
    with pytest.raises(ValueError, match="unknown group 'mine'; there are: hccl_world_group"):
        npu.get_rank_size("mine")
    with pytest.raises(ValueError, match="rank_num is 2, but rank_ids has 1"):
        npu.create_group("wrong", 2, [0])
    with pytest.raises(ValueError, match="ranks go from 0 to 0"):
        npu.create_group("wrong", 1, [3])


def test_split_strategies():
    npu.set_split_strategy_by_idx([10, 20])
    npu.set_split_strategy_by_size([60, 20, 20])
    with pytest.raises(ValueError, match="rise"):
        npu.set_split_strategy_by_idx([20, 10])
    with pytest.raises(ValueError, match="100 per cent"):
        npu.set_split_strategy_by_size([60, 20])


def test_attributes_after_a_bare_import():
    assert npu_bridge.hccl.hccl_ops.allreduce is npu.hccl_ops.allreduce
    assert npu_bridge.estimator.npu.npu_estimator.NPUEstimator is npu.NPUEstimator
    with pytest.raises(AttributeError, match="nothing_like_it"):
        assert npu_bridge.nothing_like_it


def test_what_is_not_simulated_says_so():
    from npu_bridge import tf_adapter
    from npu_bridge.embedding import embedding_service
    from npu_bridge.tbe.npu_vector_ops import PReLU

    for use, name in (
        (lambda: embedding_service.ESWorker(), "npu_bridge.embedding.embedding_service.ESWorker"),
        (lambda: PReLU(alpha_initializer="zeros"), "npu_bridge.tbe.npu_vector_ops.PReLU"),
        (lambda: PReLU.from_config, "npu_bridge.tbe.npu_vector_ops.PReLU.from_config"),
        (lambda: type("Mine", (), {}) and _subclass(PReLU), "npu_bridge.tbe.npu_vector_ops.PReLU"),
        (
            lambda: npu.npu_unary_ops.no_such_operator(1),
            "npu_bridge.helper.helper.get_gen_ops().no_such_operator",
        ),
        (lambda: tf_adapter.PluginInit({}), "npu_bridge.tf_adapter.PluginInit"),
        (lambda: npu.hccl_ops.send(1, 2, 3), "npu_bridge.hccl.hccl_ops.send"),
    ):
        with pytest.raises(NotSimulated) as caught:
            use()
        assert str(caught.value).startswith(name + " is part of CANN 7.0, but"), name


def _subclass(base):
    class Mine(base):
        pass

    return Mine


def test_names_that_no_release_has():
    with pytest.raises(ImportError, match="no_such_module"):
        import npu_bridge.no_such_module  # noqa: F401
    with pytest.raises(ImportError, match="no_such_name"):
        from npu_bridge.npu_init import no_such_name  # noqa: F401


def test_arguments_that_the_release_lacks():
    with pytest.raises(TypeError) as caught:
        npu.NPURunConfig(precision="x")
    assert str(caught.value) == (
        "NPURunConfig() of CANN 7.0: got an unexpected keyword argument 'precision'. "
        "Did you mean precision_mode?"
    )
    with pytest.raises(TypeError, match="auto_tune_mode"):
        npu.NPURunConfig(auto_tune_mode="RL")
    with pytest.raises(TypeError, match="missing a required argument: 'keep_prob'"):
        npu.npu_ops.dropout(1.0)

"""What is known about names that do not simply run on an NPU, and about some that do.

To add a name, put it where its reason is, or add a ``Group``. Names are documented names (those
that ``symbols.canonical`` gives), ``tf.`` and ``hvd.`` for short; ``tf.tpu.*`` covers everything
below ``tf.tpu`` that has no entry of its own, and an unsupported class covers its attributes.
The tests hold every name against the list of TensorFlow 1.15.0.

*The vendor's list* is ``tf1.15_api_support_list.xlsx`` of ``convert_tf2npu`` (Ascend/tensorflow,
commit 84f9632c): 32 names unsupported, 41 being analysed, 27 unsupported without effect, 43 that
its column calls supported and its own remark calls unsupported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

VENDOR = "vendor's support list (convert_tf2npu, 84f9632c)"
GUIDE = "CANN: TensorFlow 1.15 migration guide"
LIMITS = "CANN: TensorFlow 1.15 migration guide, constraints (tfmigr1_000005)"
DISTRIBUTED = "CANN: TensorFlow 1.15 migration guide, distributed training (tfmigr1_000022)"
LOSS_SCALE = "CANN: TensorFlow 1.15 migration guide, loss scale (tfmigr1_000045)"
TENSORFLOW = "TensorFlow 1.15.0's own public API"


class Group(NamedTuple):
    """Names that share a status, a reason and a source."""

    status: Literal["native", "manual", "unsupported"]
    reason: str
    source: str
    names: str

    def qualified(self) -> Iterator[str]:
        for name in self.names.split():
            root, dot, rest = name.partition(".")
            yield {"tf": "tensorflow", "hvd": "horovod.tensorflow"}.get(root, root) + dot + rest


_TF_GROUPS = (
    # --- no way onto an NPU ---------------------------------------------------------------
    Group(
        "unsupported",
        "eager execution: only graph mode runs on an NPU",
        VENDOR,
        """
        tf.enable_eager_execution tf.enable_tensor_equality tf.enable_v2_behavior
        tf.enable_v2_tensorshape tf.config.experimental_run_functions_eagerly tf.contrib.eager.*
        """,
    ),
    Group(
        "unsupported",
        "eager execution: False in graph mode, so the eager branch never runs on an NPU",
        VENDOR,
        "tf.executing_eagerly",
    ),
    Group(
        "unsupported",
        "for Google's TPU only",
        VENDOR,
        """
        tf.tpu.* tf.contrib.tpu.* tf.distribute.experimental.TPUStrategy
        tf.distribute.cluster_resolver.TPUClusterResolver
        """,
    ),
    Group(
        "unsupported",
        "queue reader: use tf.data",
        VENDOR,
        "tf.IdentityReader tf.LMDBReader tf.WholeFileReader",
    ),
    Group(
        "unsupported",
        "the 910 saturates instead of making inf or nan: use NPULossScaleOptimizer's check",
        VENDOR + "; " + LOSS_SCALE,
        "tf.is_finite tf.is_inf tf.is_nan",
    ),
    Group(
        "unsupported",
        "for NVIDIA's TensorRT only",
        TENSORFLOW,
        "tf.contrib.tensorrt.* tensorflow.python.compiler.tensorrt.*",
    ),
    # --- a session that must be told about the NPU ----------------------------------------
    Group(
        "manual",
        "creates a session: its config needs NpuOptimizer, remapping OFF, memory_optimization OFF",
        GUIDE + ", sess.run (tfmigr1_000017)",
        """
        tf.Session tf.InteractiveSession tf.train.MonitoredTrainingSession
        tf.train.SingularMonitoredSession tf.train.ChiefSessionCreator
        tf.train.WorkerSessionCreator tf.train.Supervisor.managed_session
        tf.train.Supervisor.prepare_or_wait_for_session tf.train.Supervisor.PrepareSession
        tf.train.SessionManager.prepare_session
        tf.train.SessionManager.recover_session tf.train.SessionManager.wait_for_session
        tf.contrib.slim.learning.train tf.contrib.slim.evaluation.evaluate_once
        tf.contrib.slim.evaluation.evaluation_loop tf.contrib.training.train
        tf.contrib.training.evaluate_once tf.contrib.training.evaluate_repeatedly
        """,
    ),
    Group(
        "manual",
        "creates sessions: its config must become npu_run_config_init(...) or NPURunConfig",
        VENDOR + "; " + GUIDE + ", Estimator",
        """
        tf.estimator.BaselineClassifier tf.estimator.BaselineEstimator
        tf.estimator.BaselineRegressor tf.estimator.BoostedTreesClassifier
        tf.estimator.BoostedTreesEstimator tf.estimator.BoostedTreesRegressor
        tf.estimator.DNNClassifier tf.estimator.DNNEstimator
        tf.estimator.DNNLinearCombinedClassifier tf.estimator.DNNLinearCombinedEstimator
        tf.estimator.DNNLinearCombinedRegressor tf.estimator.DNNRegressor tf.estimator.Estimator
        tf.estimator.LinearClassifier tf.estimator.LinearEstimator tf.estimator.LinearRegressor
        tf.estimator.RunConfig tf.keras.estimator.model_to_estimator
        tf.contrib.learn.BaseEstimator tf.contrib.learn.DNNClassifier
        tf.contrib.learn.DNNEstimator tf.contrib.learn.DNNLinearCombinedClassifier
        tf.contrib.learn.DNNLinearCombinedEstimator tf.contrib.learn.DNNLinearCombinedRegressor
        tf.contrib.learn.DNNRegressor tf.contrib.learn.DynamicRnnEstimator
        tf.contrib.learn.Estimator tf.contrib.learn.Experiment
        tf.contrib.learn.KMeansClustering tf.contrib.learn.LinearClassifier
        tf.contrib.learn.LinearEstimator tf.contrib.learn.LinearRegressor
        tf.contrib.learn.LogisticRegressor tf.contrib.learn.RunConfig tf.contrib.learn.SVM
        tf.contrib.estimator.RNNClassifier tf.contrib.estimator.RNNEstimator
        """,
    ),
    Group(
        "manual",
        "an Estimator for Google's TPU: use_tpu, eval_on_tpu and export_to_tpu must be False",
        VENDOR,
        """
        tf.estimator.tpu.RunConfig tf.estimator.tpu.TPUEstimator
        tf.estimator.tpu.experimental.EmbeddingConfigSpec
        """,
    ),
    # --- more than one device -------------------------------------------------------------
    Group(
        "manual",
        "tf.distribute does not run on NPUs: one process per NPU, or npu_strategy.NPUStrategy",
        DISTRIBUTED,
        """
        tf.distribute.MirroredStrategy tf.distribute.OneDeviceStrategy tf.distribute.Strategy
        tf.distribute.experimental.CentralStorageStrategy
        tf.distribute.experimental.MultiWorkerMirroredStrategy
        tf.distribute.experimental.ParameterServerStrategy tf.distribute.StrategyExtended
        tf.distribute.CrossDeviceOps tf.distribute.HierarchicalCopyAllReduce
        tf.distribute.NcclAllReduce tf.distribute.ReductionToOneDevice
        tf.distribute.experimental.CollectiveCommunication tf.contrib.distribute.*
        tf.distribute.experimental_set_strategy tf.contrib.all_reduce.*
        tf.contrib.estimator.replicate_model_fn tf.contrib.estimator.TowerOptimizer
        tf.keras.utils.multi_gpu_model
        """,
    ),
    Group(
        "manual",
        "parameter server training: NPUs train data-parallel, one process each, over HCCL",
        DISTRIBUTED,
        """
        tf.train.Server tf.train.ClusterSpec tf.train.SyncReplicasOptimizer
        tf.train.replica_device_setter tf.contrib.opt.DropStaleGradientOptimizer
        tf.contrib.opt.ElasticAverageOptimizer tf.contrib.opt.ModelAverageOptimizer
        """,
    ),
    # --- written for GPUs -----------------------------------------------------------------
    Group(
        "manual",
        "cuDNN only: use the layer of the same kind without CuDNN",
        VENDOR,
        "tf.keras.layers.CuDNNGRU tf.keras.layers.CuDNNLSTM tf.contrib.cudnn_rnn.*",
    ),
    Group(
        "manual",
        "copies to a GPU: use prefetch",
        GUIDE + ", input pipeline",
        """
        tf.data.experimental.copy_to_device tf.data.experimental.prefetch_to_device
        tf.contrib.data.copy_to_device tf.contrib.data.prefetch_to_device
        """,
    ),
    Group(
        "manual",
        "finds no GPU on a machine with NPUs: see what the project does without one",
        TENSORFLOW,
        """
        tf.test.gpu_device_name tf.test.is_built_with_cuda tf.test.is_built_with_gpu_support
        tf.test.is_built_with_rocm tf.test.is_gpu_available
        tf.contrib.eager.num_gpus tensorflow.python.client.device_lib.list_local_devices
        """,
    ),
    Group(
        "manual",
        "lists or sets up GPUs, of which a machine with NPUs has none",
        VENDOR,
        """
        tf.config.experimental.get_memory_growth tf.config.experimental.set_memory_growth
        tf.config.experimental.get_virtual_device_configuration
        tf.config.experimental.set_virtual_device_configuration
        tf.config.experimental.VirtualDeviceConfiguration
        tf.config.experimental.get_visible_devices tf.config.experimental.set_visible_devices
        tf.config.experimental.list_logical_devices tf.config.experimental.list_physical_devices
        tf.config.experimental_list_devices
        """,
    ),
    Group(
        "manual",
        "XLA: the NPU has a compiler of its own; XLA must stay off",
        VENDOR,
        """
        tf.xla.experimental.compile tf.xla.experimental.jit_scope tf.config.optimizer.set_jit
        tf.contrib.compiler.xla.estimator_model_fn
        """,
    ),
    # --- mixed precision ------------------------------------------------------------------
    Group(
        "manual",
        "mixed precision for GPUs: use precision_mode and NPULossScaleOptimizer",
        LOSS_SCALE,
        """
        tf.train.experimental.enable_mixed_precision_graph_rewrite
        tf.train.experimental.DynamicLossScale tf.train.experimental.FixedLossScale
        tf.train.experimental.LossScale tf.train.experimental.MixedPrecisionLossScaleOptimizer
        tf.keras.mixed_precision.experimental.LossScaleOptimizer
        tf.keras.mixed_precision.experimental.Policy
        tf.keras.mixed_precision.experimental.global_policy
        tf.keras.mixed_precision.experimental.set_policy tf.contrib.mixed_precision.*
        """,
    ),
    # --- what a graph on an NPU cannot hold -----------------------------------------------
    Group(
        "manual",
        "queue runners cannot feed an NPU: use tf.data or placeholders",
        LIMITS,
        """
        tf.train.batch tf.train.batch_join tf.train.maybe_batch tf.train.maybe_batch_join
        tf.train.shuffle_batch tf.train.shuffle_batch_join tf.train.maybe_shuffle_batch
        tf.train.maybe_shuffle_batch_join tf.train.input_producer tf.train.limit_epochs
        tf.train.range_input_producer tf.train.slice_input_producer
        tf.train.string_input_producer tf.train.start_queue_runners tf.train.add_queue_runner
        tf.train.QueueRunner tf.contrib.slim.queues.QueueRunners tf.contrib.training.bucket
        tf.contrib.training.bucket_by_sequence_length
        tf.contrib.training.batch_sequences_with_states
        """,
    ),
    Group(
        "manual",
        "runs on the host: keep it in tf.data's functions, or set mix_compile_mode",
        GUIDE + ", operators on the host",
        """
        tf.Print tf.print tf.py_func tf.py_function tf.numpy_function tf.contrib.framework.py_func
        """,
    ),
    Group(
        "manual",
        "the vendor is still analysing whether an NPU can run it",
        VENDOR,
        """
        tf.CriticalSection tf.random.experimental.Generator
        tf.random.experimental.create_rng_state tf.random.experimental.get_global_generator
        tf.random.experimental.set_global_generator
        """,
    ),
    Group(
        "manual",
        "the vendor's list calls it supported and warns against it in the same row: test it",
        VENDOR,
        """
        tf.accumulate_n tf.feature_column.sequence_categorical_column_with_hash_bucket
        tf.feature_column.sequence_categorical_column_with_identity
        tf.feature_column.sequence_categorical_column_with_vocabulary_file
        tf.feature_column.sequence_categorical_column_with_vocabulary_list
        tf.feature_column.shared_embedding_columns tf.lookup.StaticVocabularyTable
        tf.lookup.TextFileIndex tf.lookup.TextFileInitializer
        tf.lookup.experimental.DenseHashTable tf.math.reduce_euclidean_norm
        tf.nn.compute_accidental_hits tf.nn.ctc_beam_search_decoder tf.nn.ctc_greedy_decoder
        tf.nn.ctc_loss tf.nn.ctc_unique_labels tf.nn.embedding_lookup_sparse
        tf.nn.safe_embedding_lookup_sparse tf.nn.separable_conv2d tf.ragged.range
        tf.signal.hamming_window tf.signal.hann_window tf.signal.overlap_and_add tf.sparse_add
        tf.sparse_mask tf.sparse_reduce_max tf.sparse_reduce_sum tf.sparse_segment_mean
        tf.sparse_segment_sum tf.sparse_split tf.lite.experimental.*
        """,
    ),
    # --- runs, with a remark --------------------------------------------------------------
    Group(
        "native",
        "has no effect on an NPU",
        VENDOR,
        """
        tf.config.experimental.get_device_policy tf.config.experimental.set_device_policy
        tf.config.experimental.get_synchronous_execution
        tf.config.experimental.set_synchronous_execution
        tf.config.experimental_connect_to_cluster tf.config.experimental_connect_to_host
        tf.config.get_soft_device_placement tf.config.optimizer.get_experimental_options
        tf.config.optimizer.get_jit tf.config.threading.get_inter_op_parallelism_threads
        tf.config.threading.get_intra_op_parallelism_threads
        tf.config.threading.set_inter_op_parallelism_threads
        tf.config.threading.set_intra_op_parallelism_threads
        """,
    ),
    Group(
        "native",
        "never fires: the 910 saturates instead of making inf or nan",
        VENDOR + "; " + LOSS_SCALE,
        """
        tf.keras.callbacks.TerminateOnNaN tf.train.NanTensorHook tf.add_check_numerics_ops
        tf.check_numerics tf.verify_tensor_all_finite
        """,
    ),
    Group(
        "native",
        "a message, not an operation",
        TENSORFLOW,
        "tensorflow.core.*",
    ),
    Group(
        "native",
        "tf.contrib: the vendor's list says of it only that TensorFlow 2 drops it",
        VENDOR,
        "tf.contrib.*",
    ),
)

# The modules that offer Horovod's functions to TensorFlow; what HOROVOD_NAMES says, the later
# ones import from the first.
HOROVOD_MODULES = ("horovod.tensorflow", "horovod.tensorflow.keras", "horovod.keras")
HOROVOD_NAMES = """
    Adasum Average Compression Sum ccl_built cuda_built ddl_built gloo_built gloo_enabled init
    is_homogeneous is_initialized local_rank local_rank_op local_size local_size_op mpi_built
    mpi_enabled mpi_threads_supported nccl_built rank rank_op rocm_built shutdown size size_op
    start_timeline stop_timeline
"""

_HOROVOD = "Horovod does not run on NPUs: "
_HOROVOD_GROUPS = (
    Group("manual", _HOROVOD + "initialize_system in a session", DISTRIBUTED, "hvd.init"),
    Group("manual", _HOROVOD + "shutdown_system in a session", DISTRIBUTED, "hvd.shutdown"),
    Group("manual", _HOROVOD + "get_rank_id", DISTRIBUTED, "hvd.rank hvd.rank_op"),
    Group("manual", _HOROVOD + "get_rank_size", DISTRIBUTED, "hvd.size hvd.size_op"),
    Group(
        "manual",
        _HOROVOD + "get_local_rank_id",
        DISTRIBUTED,
        "hvd.local_rank hvd.local_rank_op",
    ),
    Group(
        "manual",
        _HOROVOD + "get_local_rank_size",
        DISTRIBUTED,
        "hvd.local_size hvd.local_size_op",
    ),
    Group(
        "manual",
        _HOROVOD + "NPUDistributedOptimizer or npu_distributed_optimizer_wrapper",
        DISTRIBUTED,
        """
        hvd.DistributedOptimizer horovod.tensorflow.keras.DistributedOptimizer
        horovod.keras.DistributedOptimizer
        """,
    ),
    Group(
        "manual",
        _HOROVOD + "NPUBroadcastGlobalVariablesHook",
        DISTRIBUTED,
        "hvd.BroadcastGlobalVariablesHook",
    ),
    Group(
        "manual",
        _HOROVOD + "NPUBroadcastGlobalVariablesCallback",
        DISTRIBUTED,
        """
        horovod.tensorflow.keras.callbacks.BroadcastGlobalVariablesCallback
        horovod.keras.callbacks.BroadcastGlobalVariablesCallback
        """,
    ),
    Group(
        "manual",
        _HOROVOD + "the hccl_ops function of that name",
        DISTRIBUTED,
        """
        hvd.allgather hvd.allreduce hvd.broadcast horovod.tensorflow.keras.allgather
        horovod.tensorflow.keras.allreduce horovod.tensorflow.keras.broadcast
        horovod.keras.allgather horovod.keras.allreduce horovod.keras.broadcast
        """,
    ),
    Group(
        "manual",
        _HOROVOD + "hccl_ops.broadcast of each variable from rank 0, before the first step",
        DISTRIBUTED,
        """
        hvd.broadcast_global_variables hvd.broadcast_variables
        horovod.tensorflow.keras.broadcast_global_variables
        horovod.keras.broadcast_global_variables
        """,
    ),
    Group("manual", _HOROVOD + "hccl_ops.all_to_all_v", DISTRIBUTED, "hvd.alltoall"),
    Group("manual", _HOROVOD + "npu_bridge has no counterpart", VENDOR, "horovod.*"),
)

GROUPS = _TF_GROUPS + _HOROVOD_GROUPS

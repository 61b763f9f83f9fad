"""What this port needs at run time to train on an Ascend 910, and nothing else.

The environment variables that steer it stand in settings.py, in one table; all are optional.

A name is imported from its module when it is first used, so that `npu_runtime.images` costs no
TensorFlow and nothing here costs npu_bridge.
"""

_MODULES = {
    "host_session_config": "session",
    "is_chief": "ranks",
    "local_rank": "ranks",
    "local_size": "ranks",
    "npu_gradients": "gradients",
    "npu_keras_optimizer": "keras_optimizers",
    "npu_learning_rate": "rank_values",
    "npu_make_folder": "rank_files",
    "npu_optimizer": "optimizers",
    "npu_rank_0": "rank_files",
    "npu_rank_file": "rank_files",
    "npu_run_config": "session",
    "npu_seed": "rank_values",
    "npu_session_config": "session",
    "npu_shard": "shards",
    "npu_strategy": "strategies",
    "rank": "ranks",
    "size": "ranks",
    "use_npu_keras_session": "session",
}
__all__ = sorted(_MODULES)


def __getattr__(name):
    """Resolves the names above (PEP 562, Python 3.7)."""
    if name not in _MODULES:
        raise AttributeError("module 'npu_runtime' has no attribute %r" % name)
    import importlib

    return getattr(importlib.import_module("." + _MODULES[name], __name__), name)

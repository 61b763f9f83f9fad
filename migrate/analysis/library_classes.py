"""The classes of what calls of TensorFlow and Keras make, as far as it matters."""

from __future__ import annotations

_DATASET = "tensorflow.data.Dataset"
# Methods that return another object of their own class.
FLUENT = frozenset(
    "apply batch cache concatenate enumerate filter flat_map interleave map padded_batch "
    "prefetch reduce repeat shard shuffle skip take unbatch window with_options".split()
)
# What a port puts around an object: it goes on as the same to all that looks at a port again.
WRAPPERS = frozenset({"npu_runtime.npu_optimizer", "npu_runtime.npu_shard"})
# Calls whose result has another class than the one that the name tells.
_RETURNS = {
    "tensorflow.data.Dataset.make_one_shot_iterator": "tensorflow.data.Iterator",
    "tensorflow.data.Dataset.make_initializable_iterator": "tensorflow.data.Iterator",
    "tensorflow.data.make_one_shot_iterator": "tensorflow.data.Iterator",
    "tensorflow.data.make_initializable_iterator": "tensorflow.data.Iterator",
    "tensorflow.data.Dataset.from_tensor_slices": _DATASET,
    "tensorflow.data.Dataset.from_tensors": _DATASET,
    "tensorflow.data.Dataset.from_generator": _DATASET,
    "tensorflow.data.Dataset.range": _DATASET,
    "tensorflow.data.Dataset.list_files": _DATASET,
    "tensorflow.data.Dataset.zip": _DATASET,
    "tensorflow.data.TFRecordDataset": _DATASET,
    "tensorflow.data.TextLineDataset": _DATASET,
    "tensorflow.data.FixedLengthRecordDataset": _DATASET,
    "tensorflow.data.experimental.CsvDataset": _DATASET,
    "tensorflow.data.experimental.choose_from_datasets": _DATASET,
    "tensorflow.data.experimental.make_batched_features_dataset": _DATASET,
    "tensorflow.data.experimental.make_csv_dataset": _DATASET,
    "tensorflow.data.experimental.sample_from_datasets": _DATASET,
    **{
        f"{keras}.{name}": f"{keras}.Model"
        for keras in ("keras", "tensorflow.keras")
        for name in (
            "models.load_model models.clone_model models.model_from_config "
            "models.model_from_json models.model_from_yaml utils.multi_gpu_model"
        ).split()
    },
}


def made_by(called: str) -> str | None:
    """The class of what a library's function or class makes; None where it is not known."""
    if called in _RETURNS:
        return _RETURNS[called]
    owner, _, name = called.rpartition(".")
    if owner == _DATASET and name in FLUENT:
        return _DATASET
    return called if is_like_a_class(called) else None


def is_like_a_class(dotted: str) -> bool:
    """Whether a name is written as classes are."""
    return dotted.rpartition(".")[2][:1].isupper()

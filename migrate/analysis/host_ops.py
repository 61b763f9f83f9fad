"""TensorFlow names whose ops cannot run on the device.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", constraints (no queue-runner input, string
tensors only in data, summary and log operations); adapter, om_partition_subgraphs_pass.cc
(without mix_compile_mode the whole graph is offloaded).
"""

from __future__ import annotations

from collections.abc import Iterable

from migrate.analysis.references import Use

_QUEUES = frozenset(
    f"tensorflow.{name}"
    for name in (
        "train.string_input_producer train.input_producer train.range_input_producer "
        "train.slice_input_producer train.batch train.batch_join train.shuffle_batch "
        "train.shuffle_batch_join train.maybe_batch train.maybe_shuffle_batch "
        "train.QueueRunner train.start_queue_runners train.limit_epochs "
        "FIFOQueue PaddingFIFOQueue RandomShuffleQueue PriorityQueue "
        "TFRecordReader TextLineReader WholeFileReader FixedLengthRecordReader IdentityReader "
        "contrib.slim.dataset_data_provider.DatasetDataProvider "
        "contrib.slim.prefetch_queue.prefetch_queue contrib.slim.parallel_reader.parallel_read "
        "contrib.training.stratified_sample contrib.training.rejection_sample "
        "contrib.training.batch_sequences_with_states contrib.training.bucket "
        "contrib.training.bucket_by_sequence_length "
        "estimator.inputs.numpy_input_fn estimator.inputs.pandas_input_fn"
    ).split()
)
_PYTHON = frozenset(
    {
        "tensorflow.py_func",
        "tensorflow.py_function",
        "tensorflow.numpy_function",
        "tensorflow.contrib.framework.py_func",
    }
)
_PRINTS = frozenset({"tensorflow.Print", "tensorflow.print"})
_STRINGS = frozenset(
    f"tensorflow.{name}"
    for name in (
        "as_string decode_raw decode_csv decode_base64 encode_base64 read_file write_file "
        "matching_files regex_replace parse_example parse_single_example parse_tensor "
        "decode_json_example decode_compressed serialize_tensor "
        "io.decode_image io.decode_jpeg io.decode_png io.decode_bmp io.decode_gif "
        "io.decode_and_crop_jpeg io.encode_jpeg io.extract_jpeg_shape image.encode_png "
        "io.is_jpeg "
        "string_split string_join string_to_hash_bucket string_to_hash_bucket_fast "
        "string_to_hash_bucket_strong string_to_number string_strip substr reduce_join"
    ).split()
)
# Feature columns look their categories up in tables, or hash them as strings.
_COLUMNS = frozenset(
    f"tensorflow.feature_column.{name}"
    for name in (
        "categorical_column_with_hash_bucket categorical_column_with_vocabulary_file "
        "categorical_column_with_vocabulary_list crossed_column "
        "sequence_categorical_column_with_hash_bucket "
        "sequence_categorical_column_with_vocabulary_file "
        "sequence_categorical_column_with_vocabulary_list"
    ).split()
)
_STRING_PREFIX = "tensorflow.strings."
_LOOKUP_PREFIXES = ("tensorflow.contrib.lookup.", "tensorflow.lookup.")


def host_kind(name: str) -> str | None:
    """What makes the ops of a qualified name host-only, in words; None when nothing does."""
    if name in _QUEUES:
        return "queue"
    if name in _PYTHON:
        return "Python function"
    if name in _PRINTS:
        return "print"
    if name in _STRINGS or name.startswith(_STRING_PREFIX):
        return "string"
    if name in _COLUMNS or name.startswith(_LOOKUP_PREFIXES):
        return "lookup table"
    return None


def host_uses(uses: Iterable[Use]) -> list[Use]:
    """Those uses that put a host-only op into a graph."""
    return [use for use in uses if host_kind(use.name) is not None]

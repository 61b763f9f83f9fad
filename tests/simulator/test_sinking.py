"""The simulator and the kit's static analysis agree on what cannot run on the device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrate.analysis.host_ops import host_kind
from migrate.simulator.npu_simulator.sinking import why_on_host
from tests.simulator.processes import simulate
from tests.tf115 import required_tf115

# Calls of names that the static analysis knows, at least one for each kind and way of naming.
CALLS = (
    "tf.py_func(abs, [x], tf.float32)",
    "tf.numpy_function(abs, [x], tf.float32)",
    "tf.py_function(abs, [x], tf.float32)",
    "tf.Print(x, [x])",
    "tf.print(x)",
    "tf.train.batch([x], 2)",
    "tf.train.shuffle_batch([x], 2, 5, 1)",
    "tf.train.batch_join([[x]], 2)",
    "tf.train.shuffle_batch_join([[x]], 2, 5, 1)",
    "tf.train.string_input_producer(['a']).dequeue()",
    "tf.train.range_input_producer(3).dequeue()",
    "tf.train.slice_input_producer([[1, 2]])[0]",
    "tf.FIFOQueue(2, [tf.float32]).size()",
    "tf.PriorityQueue(2, [tf.float32], [[]]).size()",
    "tf.TFRecordReader().read(tf.FIFOQueue(1, [tf.string])).value",
    "tf.WholeFileReader().read(tf.FIFOQueue(1, [tf.string])).value",
    "tf.as_string(x)",
    "tf.decode_raw(s, tf.uint8)",
    "tf.decode_csv(s, [[0.0]])[0]",
    "tf.encode_base64(s)",
    "tf.read_file(s)",
    "tf.matching_files(s)",
    "tf.write_file(s, s)",
    "tf.regex_replace(s, 'a', 'b')",
    "tf.parse_single_example(s, {'v': tf.FixedLenFeature([], tf.float32)})['v']",
    "tf.parse_example([s], {'v': tf.FixedLenFeature([], tf.float32)})['v']",
    "tf.parse_tensor(s, tf.float32)",
    "tf.decode_json_example(s)",
    "tf.serialize_tensor(x)",
    "tf.io.decode_jpeg(s)",
    "tf.io.decode_png(s)",
    "tf.io.decode_image(s)",
    "tf.io.decode_and_crop_jpeg(s, [0, 0, 1, 1])",
    "tf.io.encode_jpeg(tf.zeros([1, 1, 3], tf.uint8))",
    "tf.image.encode_png(tf.zeros([1, 1, 3], tf.uint8))",
    "tf.io.extract_jpeg_shape(s)",
    "tf.io.is_jpeg(s)",
    "tf.string_split([s]).values",
    "tf.string_join([s, s])",
    "tf.string_to_hash_bucket_fast(s, 3)",
    "tf.string_to_number(s)",
    "tf.string_strip(s)",
    "tf.substr(s, 0, 1)",
    "tf.reduce_join([s, s])",
    "tf.strings.length(s)",
    "tf.strings.upper(s)",
    "tf.contrib.lookup.index_table_from_tensor(['a']).lookup(s)",
    "tf.contrib.lookup.MutableHashTable(tf.string, tf.int64, 0).lookup(s)",
)
# The adapter itself leaves these on the host, and builds its graph around them.
LEFT_ALONE = {"tf.string_join([s, s])"}


@pytest.mark.tf115
def test_what_the_analysis_names_does_not_sink(tmp_path: Path) -> None:
    calls = ",\n".join(f"    {call!r}: lambda x, s: {call}" for call in CALLS)
    script = f"""\
import json
import tensorflow as tf
makers = {{
{calls}
}}
kinds = {{}}
for call, make in makers.items():
    with tf.Graph().as_default() as graph:
        make(tf.constant(1.0), tf.constant("s"))
    kinds[call] = sorted({{op.type for op in graph.get_operations()}})
print(json.dumps(kinds))
"""
    done = simulate(script, tmp_path, python=required_tf115().python)
    assert done.code == 0, done.error
    missed = set()
    for call, kinds in json.loads(done.out).items():
        name = call.partition("(")[0].replace("tf.", "tensorflow.", 1)
        assert host_kind(name), f"the analysis does not know {name}"
        if not any(why_on_host(kind) for kind in kinds):
            missed.add(call)
    assert missed == LEFT_ALONE


@pytest.mark.parametrize(
    "kind",
    "Conv2D MatMul VariableV2 VarHandleOp Assign Identity Placeholder Const NoOp Assert Where "
    "IteratorV2 IteratorGetNext OneShotIterator MapDataset MakeIterator BatchDatasetV2 "
    "SaveV2 RestoreV2 MergeV2Checkpoints ShardedFilename StringJoin "
    "ScalarSummary ImageSummary MergeSummary TensorSummaryV2 "
    "IsVariableInitialized Switch Merge Enter TensorArrayV3 RandomUniform Cast".split(),
)
def test_what_sinks(kind: str) -> None:
    assert why_on_host(kind, ("float32", "string", "int64")) is None


def test_wide_types_do_not_sink() -> None:
    assert why_on_host("Sqrt", ("float64",)) == "float64"
    assert why_on_host("FFT", ("complex64",)) == "complex64"
    assert why_on_host("Const", ("float64",)) is None
    assert why_on_host("Cast", ("float32",)) is None

"""TFRecord files of tf.train.Example; for the generators, which run on Python 3.7."""

import tensorflow.compat.v1 as tf


def example(**features):
    """Returns a serialized Example.

    Args:
        features: bytes, a whole number, or a list of floats, by name; two underscores in a name
            stand for a slash.
    """
    feature = {}
    for name, value in features.items():
        if isinstance(value, bytes):
            made = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        elif isinstance(value, list):
            made = tf.train.Feature(float_list=tf.train.FloatList(value=value))
        else:
            made = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        feature[name.replace("__", "/")] = made
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(
        deterministic=True
    )


def write(path, examples):
    """Writes serialized examples to a TFRecord file."""
    with tf.python_io.TFRecordWriter(path) as file:
        for one in examples:
            file.write(one)

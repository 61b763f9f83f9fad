"""A saver.

Source: adapter, npu_bridge/estimator/npu/npu_saver.py. On the device it splits the saving of
embeddings between ranks; what it writes is an ordinary checkpoint.
"""

from tensorflow.python.training.saver import BulkSaverBuilder, Saver


class NPUBulkSaverBuilder(BulkSaverBuilder):
    """Builds what a saver runs."""


class NPUSaver(Saver):
    """tf.train.Saver."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

"""The JPEG pipeline."""
import os

import tensorflow as tf


def list_images(folder):
    files = sorted(tf.gfile.Glob(os.path.join(folder, '*.jpg')))
    if not files:
        raise ValueError('no JPEG files in %s' % folder)
    return files


def load_image(path, size):
    """Read one JPEG as float32 in [-1, 1]."""
    image = tf.image.decode_jpeg(tf.read_file(path), channels=3)
    image = tf.image.resize_images(image, [size, size])
    return tf.cast(image, tf.float32) / 127.5 - 1


def training_batches(folder, size, batch_size, seed=None):
    """Shuffled batches without end, waiting on the GPU."""
    files = list_images(folder)
    dataset = tf.data.Dataset.from_tensor_slices(files)
    dataset = dataset.apply(tf.contrib.data.shuffle_and_repeat(len(files), seed=seed))
    dataset = dataset.apply(tf.contrib.data.map_and_batch(
        lambda path: load_image(path, size),
        batch_size,
        num_parallel_batches=4,  # decoding is the slow part
    ))
    dataset = dataset.apply(tf.contrib.data.prefetch_to_device('/gpu:0', batch_size))
    return dataset.make_one_shot_iterator().get_next()


def every_image(folder, size, batch_size):
    """Each image once, in order; the last batch may be short."""
    dataset = tf.data.Dataset.from_tensor_slices(list_images(folder))
    dataset = dataset.map(lambda path: load_image(path, size), num_parallel_calls=4)
    dataset = dataset.batch(batch_size).prefetch(2)
    return dataset.make_one_shot_iterator().get_next()

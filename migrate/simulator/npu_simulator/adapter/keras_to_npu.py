"""An NPUEstimator out of a Keras model.

Source: adapter, npu_bridge/estimator/npu/keras_to_npu.py.
"""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator.adapter.npu_estimator import NPUEstimator


def model_to_npu_estimator(
    keras_model=None,
    keras_model_path=None,
    custom_objects=None,
    model_dir=None,
    checkpoint_format="saver",
    config=None,
    job_start_file="",
):
    """Returns an NPUEstimator that trains a compiled Keras model.

    Args:
        keras_model: compiled model; or keras_model_path, where it is saved.
        custom_objects: as of tf.keras.models.load_model.
        model_dir: folder of checkpoints.
        checkpoint_format: saver or checkpoint.
        config: NPURunConfig.
        job_start_file: JSON file that describes the job.
    """
    estimator = tf.keras.estimator.model_to_estimator(
        keras_model=keras_model,
        keras_model_path=keras_model_path,
        custom_objects=custom_objects,
        model_dir=model_dir,
        config=tf.estimator.RunConfig(model_dir=model_dir),
        checkpoint_format=checkpoint_format,
    )
    return NPUEstimator(
        model_fn=estimator._model_fn,
        model_dir=model_dir,
        config=config,
        job_start_file=job_start_file,
        warm_start_from=estimator._warm_start_settings,
    )

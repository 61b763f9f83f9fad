"""Names by which TensorFlow and Keras code trains, and by which it gets at a trained model."""

from __future__ import annotations

from migrate.analysis.references import KERAS_UPDATES, TELLING_METHODS, Use

# Methods of Keras models.
KERAS_TRAINING = frozenset({"fit", "fit_generator", "train_on_batch"})
KERAS_RUNNING = frozenset(
    "evaluate evaluate_generator test_on_batch predict predict_generator predict_on_batch".split()
)
# tf.gradients, and what a port has in its place where an optimizer applies the result.
GRADIENTS = frozenset({"tensorflow.gradients", "npu_runtime.npu_gradients"})
# What makes a step of training from a loss.
OPTIMIZING = frozenset(
    {
        "tensorflow.contrib.layers.optimize_loss",
        "tensorflow.contrib.training.create_train_op",
        "tensorflow.contrib.training.train",
        "tensorflow.contrib.slim.learning.create_train_op",
        "tensorflow.contrib.slim.learning.train",
    }
)
# Libraries with methods of the same names.
OTHER_MINIMIZERS = ("scipy.", "sklearn.", "lmfit.", "iminuit.")


_KERAS = ("keras.", "tensorflow.keras.")


def trains(use: Use) -> bool:
    """Whether the name is one by which TensorFlow code trains."""
    name = use.name
    if name.startswith("."):
        return name[1:] in TELLING_METHODS or name[1:] == KERAS_UPDATES
    if name.startswith(OTHER_MINIMIZERS):
        return False
    last = name.rpartition(".")[2]
    return (
        last.endswith("Optimizer")
        or name in _TRAINERS
        or (last in TELLING_METHODS and name.startswith("tensorflow."))
        or (last in KERAS_TRAINING and _is_keras_model(name))
        or (last == KERAS_UPDATES and name.startswith(_KERAS))
    )


def restores(use: Use) -> bool:
    """Whether the name is one by which TensorFlow code gets at a trained model."""
    name = use.name
    return (
        name in _RESTORERS
        or name.startswith("tensorflow.saved_model.load")
        or (name.rpartition(".")[2] in KERAS_RUNNING and _is_keras_model(name))
    )


def _is_keras_model(method: str) -> bool:
    owner = method.rpartition(".")[0]
    return owner.startswith(_KERAS) and (
        owner.endswith((".Model", ".Sequential")) or ".applications." in owner
    )


_TRAINERS = OPTIMIZING | {"tensorflow.gradients", "tensorflow.train.MonitoredTrainingSession"}
_RESTORERS = frozenset(
    {
        "tensorflow.train.Saver",
        "tensorflow.train.import_meta_graph",
        "tensorflow.import_graph_def",
        "tensorflow.contrib.framework.assign_from_checkpoint",
        "tensorflow.contrib.framework.assign_from_checkpoint_fn",
        "tensorflow.train.init_from_checkpoint",
        "tensorflow.train.load_checkpoint",
        "tensorflow.train.load_variable",
        "tensorflow.train.NewCheckpointReader",
        "tensorflow.contrib.framework.load_checkpoint",
        "tensorflow.contrib.framework.load_variable",
    }
)

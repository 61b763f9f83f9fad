"""Horovod's callbacks for Keras: what `horovod.keras.callbacks` of 0.16 to 0.19 has."""

import tensorflow.compat.v1 as tf

from . import horovod, keras_optimizers


class BroadcastGlobalVariablesCallback(tf.keras.callbacks.Callback):
    """Gives all ranks the variables of one, behind the first batch.

    Args:
        root_rank: number of that rank.
        device: accepted; HCCL has one device for each process.
    """

    def __init__(self, root_rank, device=""):
        super().__init__()
        self._root_rank = root_rank
        self._done = False

    def on_batch_end(self, batch, logs=None):
        """Broadcasts, once: by now the optimizer has its variables too."""
        if self._done:
            return
        self._done = True
        session = tf.keras.backend.get_session()
        with session.graph.as_default():
            session.run(horovod.broadcast_global_variables(self._root_rank))


class MetricAverageCallback(tf.keras.callbacks.Callback):
    """Averages the metrics of an epoch over the ranks, for the callbacks that follow it.

    Args:
        device: accepted; HCCL has one device for each process.
    """

    def __init__(self, device=""):
        super().__init__()

    def on_epoch_end(self, epoch, logs=None):
        """Replaces the values in `logs`."""
        if logs and horovod.size() > 1:
            keras_optimizers.average_logs(logs)


class LearningRateScheduleCallback(tf.keras.callbacks.Callback):
    """Multiplies the learning rate that the optimizer has when training begins.

    Args:
        multiplier: a number, or a function from the epoch (a float) to one.
        start_epoch: the first epoch in which it is done.
        end_epoch: the first one in which it is no longer done; None means never.
        staircase: whether only when an epoch begins, not with every batch.
        momentum_correction: whether to scale the optimizer's momentum with the rate, for the batch
            in which that changes.
        steps_per_epoch: batches in an epoch, where Keras does not tell.
    """

    def __init__(
        self,
        multiplier,
        start_epoch=0,
        end_epoch=None,
        staircase=True,
        momentum_correction=True,
        steps_per_epoch=None,
    ):
        super().__init__()
        self.start_epoch = start_epoch
        self.end_epoch = end_epoch
        self.staircase = staircase or not callable(multiplier)
        self.momentum_correction = momentum_correction
        self.steps_per_epoch = steps_per_epoch
        self.multiplier = multiplier if callable(multiplier) else lambda epoch: multiplier
        self.initial_lr = None
        self._epoch = 0
        self._momentum = None

    def on_train_begin(self, logs=None):
        """Notes the learning rate.

        Raises:
            ValueError: nobody tells how many batches an epoch has.
        """
        self.initial_lr = self._rate()
        if not self.staircase and not self.steps_per_epoch:
            self.steps_per_epoch = self._steps()

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the epoch."""
        self._epoch = epoch

    def on_batch_begin(self, batch, logs=None):
        """Sets the learning rate."""
        if self._epoch < self.start_epoch:
            return
        if self.end_epoch is not None and self._epoch >= self.end_epoch:
            return
        if not self.staircase:
            self._set_rate(self._epoch + batch / self.steps_per_epoch)
        elif batch == 0:
            self._set_rate(self._epoch)

    def on_batch_end(self, batch, logs=None):
        """Restores the momentum."""
        if self._momentum is not None:
            tf.keras.backend.set_value(self.model.optimizer.momentum, self._momentum)
            self._momentum = None

    def on_epoch_end(self, epoch, logs=None):
        """Logs the learning rate."""
        if logs is not None:
            logs["lr"] = self._rate()

    def _rate(self):
        return tf.keras.backend.get_value(self.model.optimizer.lr)

    def _set_rate(self, epoch):
        optimizer = self.model.optimizer
        old, new = self._rate(), self.initial_lr * self.multiplier(epoch)
        tf.keras.backend.set_value(optimizer.lr, new)
        if self.momentum_correction and hasattr(optimizer, "momentum"):
            self._momentum = tf.keras.backend.get_value(optimizer.momentum)
            tf.keras.backend.set_value(optimizer.momentum, self._momentum * new / old)

    def _steps(self):
        if self.params.get("steps"):
            return self.params["steps"]
        if self.params.get("samples") and self.params.get("batch_size"):
            return self.params["samples"] // self.params["batch_size"]
        raise ValueError(
            "Keras does not tell how many batches an epoch has: give %s(steps_per_epoch=...)"
            % type(self).__name__
        )


class LearningRateWarmupCallback(LearningRateScheduleCallback):
    """Raises the learning rate from that of one rank to that of all, step by step.

    Args:
        warmup_epochs: epochs that it takes.
        momentum_correction, steps_per_epoch: as LearningRateScheduleCallback has them.
        verbose: 1 prints the rate that is reached.
    """

    def __init__(self, warmup_epochs=5, momentum_correction=True, steps_per_epoch=None, verbose=0):
        def multiplier(epoch):
            done = (epoch + 1.0 / self.steps_per_epoch) / warmup_epochs
            return (done * (horovod.size() - 1) + 1) / horovod.size()

        super().__init__(
            multiplier,
            end_epoch=warmup_epochs,
            staircase=False,
            momentum_correction=momentum_correction,
            steps_per_epoch=steps_per_epoch,
        )
        self.verbose = verbose

    def on_epoch_end(self, epoch, logs=None):
        """Logs the learning rate, and prints the last one."""
        super().on_epoch_end(epoch, logs)
        if self.verbose and epoch == self.end_epoch - 1:
            print("\nEpoch %d: warmed up to a learning rate of %g" % (epoch + 1, self._rate()))

"""Training a model further after it was changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from edgekit.compress.kept import keeping
from edgekit.compress.settings import FineTuning
from edgekit.compress.targets import TrainingTargets

Progress = Callable[[str, float], None]


def fine_tune(
    model: Any,
    x: list[Any],
    training: TrainingTargets,
    settings: FineTuning,
    seed: int,
    progress: Progress,
    callbacks: tuple[Any, ...] = (),
    patient_from: int = 0,
) -> dict[str, float]:
    """Trains a model on; weights that an earlier stage set to zero stay zero, and those that share a value still do.

    Args:
      model: `tf_keras.Model`, trained in place.
      x: prepared training samples, for each input (N, …).
      training: with samples held out, where `settings.patience` asks when to stop.
      callbacks: of `tf_keras`, such as those that keep zeros at zero.
      patient_from: the epoch from which `settings.patience` counts; weights of earlier ones are not restored.

    Returns:
      the losses of the last epoch, by term; none where no epoch is asked for.
    """
    import tensorflow as tf
    import tf_keras

    if settings.epochs == 0:
        return {}
    tf_keras.utils.set_random_seed(seed)
    model.compile(tf_keras.optimizers.Adam(_rate(settings, len(x[0]))), training.loss)

    # As `fit` would make it, but without AutoGraph: nothing in these models needs Python's control flow translated,
    # and tracing takes a third of the time. The weights come out the same to the bit.
    def train(iterator: Any) -> Any:
        model._train_counter.assign_add(1)
        return model.train_step(next(iterator))

    model.train_function = tf.function(train, autograph=False, reduce_retracing=True)
    targets = training.targets if isinstance(training.targets, list) else [training.targets]
    validation = None
    if settings.patience:
        assert training.held_out, "a recipe with patience holds samples out"
        held, wanted = training.held_out
        validation = (_one_or_many(held), wanted)
        stop = tf_keras.callbacks.EarlyStopping(
            patience=settings.patience, restore_best_weights=True, start_from_epoch=patient_from
        )
        callbacks = (*callbacks, stop)
    history = model.fit(
        _one_or_many(x),
        _one_or_many(targets),
        validation_data=validation,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[*callbacks, *keeping(model), _reporter(settings.epochs, progress)],
    ).history
    return {name: float(values[-1]) for name, values in history.items()}


def _rate(settings: FineTuning, samples: int) -> Any:
    """The learning rate, or its schedule over all updates."""
    import tf_keras

    if settings.decay == "none":
        return settings.learning_rate
    updates = settings.epochs * -(-samples // settings.batch_size)
    return tf_keras.optimizers.schedules.CosineDecay(settings.learning_rate, updates)


def _one_or_many(arrays: list[Any]) -> Any:
    """As Keras takes inputs and targets."""
    return arrays if len(arrays) > 1 else arrays[0]


def _reporter(epochs: int, progress: Progress) -> Any:
    import tf_keras

    class Reporter(tf_keras.callbacks.Callback):
        epoch, said = 0, 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if time.monotonic() - self.said > 0.2:
                self.said = time.monotonic()
                share = (self.epoch + (batch + 1) / self.params["steps"]) / epochs
                progress(f"epoch {self.epoch + 1}/{epochs}, loss {(logs or {}).get('loss', 0):.4f}", share)

    return Reporter()

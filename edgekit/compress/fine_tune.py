"""Training a model further after it was changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from edgekit.data.samples import Samples, prepared
from edgekit.data.spec import DataSpec

Progress = Callable[[str, float], None]


class Training(Protocol):
    """The settings of a stage that trains."""

    @property
    def epochs(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...


def predictions(model: Any, samples: Samples, data: DataSpec, settings: Training) -> Any:
    """What a model answers, to train on where there are no labels: an array, or one for each output."""
    x = prepared(samples, data)
    return model.predict(x if len(x) > 1 else x[0], batch_size=settings.batch_size, verbose=0)


def fine_tune(
    model: Any,
    samples: Samples,
    targets: Any | None,
    data: DataSpec,
    settings: Training,
    callbacks: list[Any],
    progress: Progress,
) -> None:
    """Trains a classifier on its labels, or any model on given targets.

    Args:
      model: `tf_keras.Model`, trained in place.
      samples: training samples as stored.
      targets: outputs to come close to (mean squared error), or None for the samples' labels (cross-entropy).
    """
    import tensorflow as tf
    import tf_keras

    x = prepared(samples, data)
    loss = _classification_loss(model) if targets is None else "mse"
    model.compile(tf_keras.optimizers.Adam(settings.learning_rate), loss)

    # As `fit` would make it, but without AutoGraph: nothing in these models needs Python's control flow translated,
    # and tracing takes a third of the time. The weights come out the same to the bit.
    def train(iterator: Any) -> Any:
        model._train_counter.assign_add(1)
        return model.train_step(next(iterator))

    model.train_function = tf.function(train, autograph=False, reduce_retracing=True)
    model.fit(
        x if len(x) > 1 else x[0],
        samples.y if targets is None else targets,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[*callbacks, _reporter(settings.epochs, progress)],
    )


def _classification_loss(model: Any) -> Any:
    """Cross-entropy, on probabilities or logits as the last layer gives them."""
    import tf_keras

    activation = getattr(getattr(model.layers[-1], "layer", model.layers[-1]), "activation", None)
    name = getattr(activation, "__name__", type(model.layers[-1]).__name__.lower())
    if model.output_shape[-1] == 1:
        return tf_keras.losses.BinaryCrossentropy(from_logits=name != "sigmoid")
    return tf_keras.losses.SparseCategoricalCrossentropy(from_logits=name != "softmax")


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

"""What a model is trained on: labels, a teacher's answers, or its own answers of before."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct

from edgekit.data.samples import Samples, prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import LOADING, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.types import Artifact

Kind = Literal["softmax", "sigmoid", "logits", "values"]
"""What an output of a model is: probabilities of classes, probabilities of yes, unnormalized classes, or numbers."""
LEAST = 1e-7
"""Probabilities are at least this before their logarithm is taken, as in Keras."""


class Objective(Struct, frozen=True):
    """How much a teacher's answers count beside labels."""

    temperature: float
    """What softens both distributions."""
    soft: float
    """Weight of the loss on the teacher's answers,"""
    hard: float
    """and on the labels, where there are some."""


class TrainingTargets(NamedTuple):
    """Targets for each training sample, and the loss on them."""

    targets: Any
    """An array (N, …), or a list with one for each output."""
    loss: Any
    """A function or a Keras loss of (targets, outputs), or a list of them."""
    held_out: tuple[list[Any], Any] | None = None
    """Prepared samples that do not train, for each input (N, …), and their targets: their loss says when to stop."""


def training_targets(
    model: Any,
    train: Samples,
    data: DataSpec,
    answers: Artifact | None,
    objective: Objective | None,
    held_out: Samples | None = None,
) -> TrainingTargets:
    """What a model learns while it is changed: from a teacher where there is one, else from labels where there are
    some, else what it answers now.

    Args:
      model: `tf_keras.Model`, as it is before the change.
      answers: what `teach` wrote, or None.
      held_out: samples that are to say when to stop.
    """
    import tf_keras

    known, others = load_answers(answers.path) if answers is not None and objective is not None else ([], [])

    def of(samples: Samples, taught: list[Any]) -> TrainingTargets:
        if taught and objective is not None:
            return from_teacher(model, samples, taught, objective)
        if samples.y is not None and len(model.outputs) == 1:
            return TrainingTargets(samples.y, hard_loss(kind(model, 0, True), model.output_shape[-1]))
        outputs = predict(model, prepared(samples, data))
        return TrainingTargets(outputs if len(outputs) > 1 else outputs[0], tf_keras.losses.MeanSquaredError())

    made = of(train, known)
    if held_out is None:
        return made
    return made._replace(held_out=(prepared(held_out, data), of(held_out, others).targets))


def batch_loss(model: Any, taught: TrainingTargets, x: list[Any], rows: slice) -> Any:
    """The loss of some samples, as a scalar that can be differentiated."""
    batch = [a[rows] for a in x]
    outputs = model(batch if len(batch) > 1 else batch[0], training=False)
    losses, targets, given = (v if isinstance(v, list) else [v] for v in (taught.loss, taught.targets, outputs))
    losses *= len(given) // len(losses)
    return sum(loss(t[rows], y) for loss, t, y in zip(losses, targets, given, strict=True))


def from_teacher(model: Any, train: Samples, answers: list[Any], objective: Objective) -> TrainingTargets:
    """Soft labels, mixed with the hard ones where there are some.

    Args:
      answers: the teacher's outputs for the training samples, each (N, …) float32.
    """
    import numpy as np

    hard = train.y is not None and len(model.outputs) == 1 and objective.hard > 0
    kinds = [kind(model, n, train.y is not None) for n in range(len(model.outputs))]
    losses = [soft_loss(k, objective.temperature) for k in kinds]
    if not hard:
        weighted = [lambda taught, given, loss=loss: objective.soft * loss(taught, given) for loss in losses]
        return TrainingTargets(answers, weighted) if len(answers) > 1 else TrainingTargets(answers[0], weighted[0])
    on_labels, on_answers = hard_loss(kinds[0], model.output_shape[-1]), losses[0]

    def mixed(targets: Any, given: Any) -> Any:
        return objective.hard * on_labels(targets[:, :1], given) + objective.soft * on_answers(targets[:, 1:], given)

    assert train.y is not None
    return TrainingTargets(np.concatenate([train.y[:, None].astype(np.float32), answers[0]], axis=1), mixed)


def hard_loss(of: Kind, classes: int) -> Any:
    """Cross-entropy with class indices (N,), on probabilities or logits."""
    import tf_keras

    if classes == 1:
        return tf_keras.losses.BinaryCrossentropy(from_logits=of != "sigmoid")
    return tf_keras.losses.SparseCategoricalCrossentropy(from_logits=of != "softmax")


def soft_loss(of: Kind, temperature: float) -> Any:
    """Loss of a student's outputs on a teacher's, (N, K) each: T² times the Kullback-Leibler divergence of the
    softened distributions, so that its gradients do not shrink with T; mean squared error where they are numbers.

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2.
    """
    import tensorflow as tf

    def logits(x: Any) -> Any:
        if of == "logits":
            return x
        x = tf.clip_by_value(x, LEAST, 1 - LEAST)
        return tf.math.log(x) if of == "softmax" else tf.math.log(x) - tf.math.log1p(-x)

    def on_classes(taught: Any, given: Any) -> Any:
        wanted = tf.nn.log_softmax(logits(taught) / temperature)
        had = tf.nn.log_softmax(logits(given) / temperature)
        return temperature**2 * tf.reduce_mean(tf.reduce_sum(tf.exp(wanted) * (wanted - had), axis=-1))

    def on_yes_or_no(taught: Any, given: Any) -> Any:
        wanted, had = logits(taught) / temperature, logits(given) / temperature
        cross = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(wanted), logits=had)
        entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(wanted), logits=wanted)
        return temperature**2 * tf.reduce_mean(tf.reduce_sum(cross - entropy, axis=-1))

    def on_numbers(taught: Any, given: Any) -> Any:
        return tf.reduce_mean(tf.square(taught - given))

    if of == "values":
        return on_numbers
    return on_yes_or_no if of == "sigmoid" else on_classes


def kind(model: Any, output: int, labelled: bool) -> Kind:
    """What an output of a `tf_keras` model is. Where the last layer does not say it by its activation, labels and what
    the model answers to large inputs do: only what is made to be a probability stays between 0 and 1."""
    layer = model.outputs[output]._keras_history.layer
    while hasattr(layer, "layers"):
        layer = layer.layers[-1]
    layer = getattr(layer, "layer", layer)  # that of a wrapper, such as TFMOT's
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", type(layer).__name__.lower())
    known: dict[str, Kind] = {"softmax": "softmax", "sigmoid": "sigmoid"}
    if name in known:
        return known[name]
    return _of_classes(model) if labelled and len(model.outputs) == 1 else "values"


def _of_classes(model: Any) -> Kind:
    import numpy as np

    rng = np.random.default_rng(1)
    shapes = [((8, *t.shape[1:]), t.dtype) for t in model.inputs]
    x = [
        1e3 * rng.normal(size=s).astype(d.as_numpy_dtype) if d.is_floating else np.zeros(s, d.as_numpy_dtype)
        for s, d in shapes
    ]
    [given] = predict(model, x)
    if given.min() < 0 or given.max() > 1:
        return "logits"
    if given.shape[-1] == 1:
        return "sigmoid"
    return "softmax" if np.allclose(given.sum(axis=-1), 1, atol=1e-3) else "logits"


@stage("teach", process=TENSORFLOW, libraries=(*LOADING, "numpy"))
def teach(work: Work, teacher: Artifact, data: DataSpec, custom_objects: str) -> None:
    """Writes a teacher's answers to the training samples, once for all that learn from them, and to those held out."""
    import numpy as np

    from edgekit.data.read import read_dataset
    from edgekit.model.read import open_keras

    model, dataset = open_keras(teacher.path, custom_objects), read_dataset(data)
    parts = {"train": dataset.train} | ({"held_out": dataset.held_out} if dataset.held_out else {})
    answers = {name: predict(model, prepared(part, data)) for name, part in parts.items()}
    np.savez(
        work.folder / "answers.npz", **{f"{name} {n}": a for name, part in answers.items() for n, a in enumerate(part)}
    )


def load_answers(path: str) -> tuple[list[Any], list[Any]]:
    """What `teach` wrote: for each output (N, …) float32, of the training samples and of those held out."""
    import numpy as np

    with np.load(path) as stored:
        train, held_out = ([stored[n] for n in stored.files if n.startswith(p)] for p in ("train", "held_out"))
    return train, held_out


def predict(model: Any, x: list[Any]) -> list[Any]:
    """A model's outputs for prepared samples, each (N, …)."""
    outputs = model.predict(x if len(x) > 1 else x[0], batch_size=256, verbose=0)
    return outputs if isinstance(outputs, list) else [outputs]

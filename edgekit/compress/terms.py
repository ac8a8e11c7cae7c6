"""A student that is trained on more than its outputs: on a teacher's features, its attention, and by an adversary."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from edgekit.config import nearest
from edgekit.errors import RecipeError

HIDDEN = 64
"""Neurons of the network that tells teacher from student."""


class Terms(Struct, frozen=True):
    """How much each term counts beside the loss on the outputs; 0 leaves it out."""

    features: float
    attention: float
    adversarial: float
    margin: float
    """Of the discriminator's hinge loss."""
    pairs: dict[str, str]
    """Layers whose outputs are compared: teacher's name = student's name."""
    learning_rate: float
    """Of the discriminator."""


def with_terms(student: Any, teacher: Any, terms: Terms) -> Any:
    """A `tf_keras.Model` that computes what the student does, and whose training adds to the loss on the outputs:

    - `features`: mean squared error of the student's layers, through a learned projection, to the teacher's;
    - `attention`: squared distance of the normalized maps of where the activations are strong;
    - `adversarial`: -D(student), where the discriminator D is trained beside it, by the hinge loss max(0, ε - margin)
      with margin D(teacher) or -D(student), to tell their outputs apart.

    Args:
      student, teacher: with the same inputs and outputs.

    Raises:
      RecipeError: a layer of `pairs` is not there, or the two have other sizes.

    Sources: Romero et al. 2015, "FitNets", section 2.2; Zagoruyko and Komodakis 2017, section 3.1; Xu et al. 2018,
    "Training Shallow and Thin Networks for Acceleration via Knowledge Distillation with Conditional Adversarial
    Networks", with the hinge loss of Lim and Ye 2017, "Geometric GAN".
    """
    import tensorflow as tf
    import tf_keras

    pairs = [(_layer(teacher, a, "teacher"), _layer(student, b, "student")) for a, b in terms.pairs.items()]
    for ours, theirs in pairs:
        if ours.output.shape[1:-1] != theirs.output.shape[1:-1]:
            sizes = " and ".join(str(tuple(layer.output.shape[1:-1])) for layer in (ours, theirs))
            raise RecipeError(
                f"recipe.distil.pairs: the outputs of {ours.name!r} and {theirs.name!r} differ in size, {sizes}; "
                "choose layers of the same size"
            )

    class Student(tf_keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.student = student
            self.inner = tf_keras.Model(student.inputs, [*student.outputs, *(b.output for _, b in pairs)])
            self.projections = [tf_keras.layers.Dense(a.output.shape[-1], use_bias=False) for a, _ in pairs]
            self.judge = tf_keras.Sequential(
                [tf_keras.layers.Dense(HIDDEN, "leaky_relu"), tf_keras.layers.Dense(1)], name="judge"
            )
            self.judge_optimizer = tf_keras.optimizers.Adam(terms.learning_rate)
            for projection, (_, b) in zip(self.projections, pairs, strict=True):
                projection.build(b.output.shape)
            self.judge.build((None, sum(t.shape[1:].num_elements() for t in student.outputs)))
            self._teacher = [tf_keras.Model(teacher.inputs, [*teacher.outputs, *(a.output for a, _ in pairs)])]

        def call(self, inputs: Any, training: Any = None) -> Any:
            return self.student(inputs, training=training)

        def train_step(self, batch: Any) -> dict[str, Any]:
            x, y, _ = tf_keras.utils.unpack_x_y_sample_weight(batch)
            outputs = len(student.outputs)
            taught = _listed(self._teacher[0](x, training=False))
            with tf.GradientTape() as tape, tf.GradientTape() as judging:
                given = _listed(self.inner(x, training=True))
                losses = {"outputs": self.compiled_loss(y, given[0] if outputs == 1 else given[:outputs])}
                both = list(zip(given[outputs:], taught[outputs:], strict=True))
                if terms.features:
                    made = [p(b) for p, (b, _) in zip(self.projections, both, strict=True)]
                    losses["features"] = terms.features * sum(
                        tf.reduce_mean(tf.square(m - a)) for m, (_, a) in zip(made, both, strict=True)
                    )
                if terms.attention:
                    losses["attention"] = terms.attention * sum(_attention_loss(a, b) for b, a in both)
                if terms.adversarial:
                    student_score, teacher_score = (self.judge(_signs(v[:outputs])) for v in (given, taught))
                    losses["adversarial"] = -terms.adversarial * tf.reduce_mean(student_score)
                    told = hinge(teacher_score, terms.margin) + hinge(-student_score, terms.margin)
                loss = tf.add_n(list(losses.values()))
            learning = [*self.student.trainable_weights, *(w for p in self.projections for w in p.trainable_weights)]
            given_gradients = tape.gradient(loss, learning)
            self.optimizer.apply_gradients(zip(given_gradients, learning, strict=True))
            if terms.adversarial:
                weights = self.judge.trainable_weights
                self.judge_optimizer.apply_gradients(zip(judging.gradient(told, weights), weights, strict=True))
                losses["judge"] = told
            return {"loss": loss, **losses}

    made = Student()
    made(  # builds it, so that its weights are there before it is trained
        [tf.zeros((1, *t.shape[1:]), t.dtype) for t in student.inputs]
        if len(student.inputs) > 1
        else tf.zeros((1, *student.inputs[0].shape[1:]), student.inputs[0].dtype)
    )
    return made


def hinge(margin: Any, epsilon: float) -> Any:
    """The mean of max(0, ε - margin)."""
    import tensorflow as tf

    return tf.reduce_mean(tf.maximum(0.0, epsilon - margin))


def attention_map(features: Any) -> Any:
    """Where activations are strong: the mean of their squares over the channels, as a vector of length 1 a sample.

    Args:
      features: (N, …, C).

    Returns:
      (N, positions).
    """
    import tensorflow as tf

    strength = tf.reduce_mean(tf.square(features), axis=-1)
    return tf.math.l2_normalize(tf.reshape(strength, (tf.shape(features)[0], -1)), axis=1)


def _attention_loss(ours: Any, theirs: Any) -> Any:
    import tensorflow as tf

    distance = tf.square(attention_map(ours) - attention_map(theirs))
    return tf.reduce_mean(tf.reduce_sum(distance, axis=1))


def _signs(outputs: list[Any]) -> Any:
    """What the judge sees of a model's outputs, (N, K): their order of magnitude, so that it has to look closely."""
    import tensorflow as tf

    flat = tf.concat([tf.reshape(o, (tf.shape(o)[0], o.shape[1:].num_elements())) for o in outputs], axis=1)
    return tf.sign(flat) * tf.math.log1p(1000.0 * tf.abs(flat))


def _layer(model: Any, name: str, who: str) -> Any:
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise RecipeError(f'recipe.distil.pairs: the {who} has no layer "{name}"; {nearest(name, names)}')
    return model.get_layer(name)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]

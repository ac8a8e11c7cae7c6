"""What the tests of distillation ask of a worker, which imports TensorFlow."""

from typing import Any

from edgekit.compress.distil import Distil
from edgekit.compress.student import Student


def soft(of: str, temperature: float, taught: list[list[float]], given: list[list[float]]) -> float:
    """`soft_loss` of some outputs."""
    import tensorflow as tf

    from edgekit.compress.targets import soft_loss

    return float(soft_loss(of, temperature)(tf.constant(taught), tf.constant(given)))  # type: ignore[arg-type]


def hinge_of(margins: list[float], epsilon: float) -> float:
    import tensorflow as tf

    from edgekit.compress.terms import hinge

    return float(hinge(tf.constant(margins), epsilon))


def map_of(features: list[Any]) -> list[Any]:
    import tensorflow as tf

    from edgekit.compress.terms import attention_map

    return attention_map(tf.constant(features)).numpy().tolist()


def network(outputs: str = "softmax", blocks: int = 2) -> Any:
    """A small residual network for 8x8 images: classes, numbers, or both."""
    import tf_keras

    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(image)
    for n in range(blocks):
        inner = layers.Conv2D(8, 3, padding="same", activation="relu", name=f"inner{n}")(x)
        x = layers.Add(name=f"add{n}")([x, inner])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    ends = {
        "softmax": lambda: layers.Dense(3, "softmax", name="class")(x),
        "numbers": lambda: layers.Dense(2, name="numbers")(x),
        "both": lambda: [layers.Dense(3, "softmax", name="class")(x), layers.Dense(2, name="numbers")(x)],
    }
    return tf_keras.Model(image, ends[outputs]())


def tiny() -> Any:
    """A builder of a student."""
    return network(blocks=0)


def wrong() -> Any:
    """A builder of a student with other outputs."""
    return network("numbers")


def copy(width: float, depth: float, seed: int, application: str = "") -> dict[str, Any]:
    """A smaller copy of the network, or of a model of `keras.applications`."""
    import tf_keras

    from edgekit.compress.student import repeats, smaller_copy

    if application:
        teacher = getattr(tf_keras.applications, application)(input_shape=(32, 32, 3), weights=None, classes=10)
    else:
        tf_keras.utils.set_random_seed(0)
        teacher = network()
    student = smaller_copy(teacher, Student(width=width, depth=depth), seed)
    return {
        "layers": [layer.name for layer in student.layers],
        "channels": {layer.name: layer.filters for layer in student.layers if hasattr(layer, "filters")},
        "shapes": [list(student.input_shape[1:]), list(student.output_shape[1:])],
        "teacher": [list(teacher.input_shape[1:]), list(teacher.output_shape[1:])],
        "parameters": [student.count_params(), teacher.count_params()],
        "sum": float(sum(abs(w).sum() for w in student.get_weights())),
        "repeats": repeats(teacher) if not application else [],
    }


def teach(settings: Distil, outputs: str = "softmax", labels: bool = True, pruned: bool = False) -> dict[str, Any]:
    """Distils the network into the student that the settings name, or into itself with fresh weights.

    Returns:
      how far the student's answers are from the teacher's before and after, and what was said.
    """
    import importlib

    import numpy as np
    import tf_keras

    from edgekit.compress.distil import Part, distil
    from edgekit.compress.student import smaller_copy
    from edgekit.compress.targets import predict
    from edgekit.data.samples import Samples

    tf_keras.utils.set_random_seed(0)
    tf_keras.backend.clear_session()
    teacher = network(outputs)
    for weight in teacher.weights:
        weight.assign(weight * 2)  # so that it has opinions
    if isinstance(settings.student, Student):
        student = smaller_copy(teacher, settings.student, 1)
    elif settings.student == "model":
        student = tf_keras.models.clone_model(teacher)
    else:
        module, _, name = settings.student.partition(":")
        student = getattr(importlib.import_module(module), name)()
    if pruned:
        kernel = student.get_layer("stem").kernel
        kernel.assign(kernel * (np.arange(kernel.shape.num_elements()).reshape(kernel.shape) % 2))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(128, 8, 8, 1)).astype(np.float32)
    answers = predict(teacher, [x])
    y = answers[0].argmax(axis=1) if labels else None

    def distance() -> float:
        return sum(float(np.abs(a - b).mean()) for a, b in zip(predict(student, [x]), answers, strict=True))

    before = distance() if [t.shape for t in student.outputs] == [t.shape for t in teacher.outputs] else 0.0
    said = distil(student, teacher, [Part(Samples((x,), y), [x], answers)], settings, 1, lambda text, share: None)
    stem = student.get_layer("stem").kernel.numpy().ravel()
    return {
        "before": before,
        "after": distance(),
        "losses": said.losses,
        "notes": list(said.remarks),
        "parameters": [said.parameters, said.teacher_parameters],
        "sum": float(sum(np.abs(w).sum() for w in student.get_weights())),
        "zeros": int((stem[::2] == 0).sum()),
    }

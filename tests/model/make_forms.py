"""Writes models in every form that people have, each with `NAME.npz`: a dataset by the inputs' names, and `answers`.

`make_forms.py FOLDER`: a process of its own, so that pytest's process never imports TensorFlow. The folder also gets
the module `my_models` with builders, a layer of its own and a dataset.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
warnings.simplefilter("ignore")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

MODULE = """
import numpy as np


def _model(k):
    zeta, alpha = k.Input((6,), name="zeta"), k.Input((6,), name="alpha")
    many = k.layers.Dense(4, activation="relu", kernel_initializer=k.initializers.RandomNormal(seed=1))(zeta)
    few = k.layers.Dense(4, kernel_initializer=k.initializers.RandomNormal(seed=2))(alpha)
    return k.Model([zeta, alpha], k.layers.Subtract()([many, few]))


def keras_2():
    import tf_keras

    return _model(tf_keras)


def keras_3():
    import keras

    return _model(keras)


def dataset():
    rng = np.random.default_rng(0)
    x = {"zeta": rng.random((64, 6)), "alpha": -rng.random((64, 6))}
    return ({name: np.roll(v, 1, axis=-1) for name, v in x.items()}, None), (x, None)

"""
SCALE = """
import {0} as k


class Scale(k.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return {{**super().get_config(), "factor": self.factor}}
"""
SAMPLES = 64


def difference(k):
    """Two inputs of the same shape, not in the order of the alphabet, that cannot be exchanged."""
    zeta, alpha = k.Input((6,), name="zeta"), k.Input((6,), name="alpha")
    outputs = k.layers.Subtract()([k.layers.Dense(4, activation="relu")(zeta), k.layers.Dense(4)(alpha)])
    return k.Model([zeta, alpha], outputs, name="difference")


def recurrent_difference(k):
    zeta, alpha = k.Input((5, 3), name="zeta"), k.Input((5, 3), name="alpha")
    outputs = k.layers.Subtract()([k.layers.LSTM(4)(zeta), k.layers.LSTM(4)(alpha)])
    return k.Model([zeta, alpha], outputs, name="recurrent_difference")


def outputs(k):
    image = k.Input((8, 8, 2), name="image")
    x = k.layers.Flatten()(k.layers.Conv2D(4, 3, activation="relu")(image))
    return k.Model(image, [k.layers.Dense(3, name="zebra")(x), k.layers.Dense(2, name="ant")(x)], name="outputs")


def tokens(k):
    words = k.Input((7,), dtype="int32", name="words")
    x = k.layers.GlobalAveragePooling1D()(k.layers.Embedding(20, 8)(words))
    return k.Model(words, k.layers.Dense(3)(x), name="tokens")


def open_sizes(k):
    image = k.Input((None, None, 2), name="image")
    x = k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(4, 3, activation="relu", padding="same")(image))
    return k.Model(image, k.layers.Dense(3)(x), name="open_sizes")


def own_layer(k):
    sys.path.insert(0, ".")
    scale = __import__(f"scale_{k.__name__}").Scale
    inputs = k.Input((6,), name="numbers")
    return k.Model(inputs, k.layers.Dense(3)(scale(2.5, name="scale")(inputs)), name="own_layer")


def loops(k):
    """Whose loop TensorFlow's quantizer does not survive."""
    steps = k.Input((6, 3), name="steps")
    return k.Model(steps, k.layers.Dense(2)(k.layers.GRU(5)(steps)), name="loops")


def fill(model, rng):
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model


def samples(model, rng):
    """As the model takes them; the second input has other values than the first."""
    arrays = {}
    for number, tensor in enumerate(model.inputs):
        shape = (SAMPLES, *(10 if n is None else n for n in tensor.shape[1:]))
        name = tensor.name.split(":")[0]
        integers = "int" in str(tensor.dtype)
        arrays[name] = rng.integers(0, 20, shape, np.int32) if integers else (rng.random(shape) - number).astype("f4")
    return arrays


def keep(model, file, rng):
    """`NAME.npz` of a model."""
    x = samples(model, rng)
    names = [t.name.split(":")[0] for t in model.inputs]
    given = [x[name] for name in names]
    answers = model(given if len(given) > 1 else given[0], training=False)
    answers = answers if isinstance(answers, (list, tuple)) else [answers]
    # Training samples are others, of the same values.
    layout = {f"x_test.{name}": x[name] for name in names} | {f"x_train.{n}": np.roll(x[n], 1, axis=-1) for n in names}
    np.savez(file, **layout, **{f"answer_{i}": np.asarray(a) for i, a in enumerate(answers)})
    return x


def tflite(model, x, folder):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (folder / "float.tflite").write_bytes(converter.convert())
    names = [t.name for t in model.inputs]
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[name][i : i + 1] for name in names] for i in range(SAMPLES))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (folder / "int8.tflite").write_bytes(converter.convert())


def main(folder):
    os.chdir(folder)
    Path("my_models.py").write_text(MODULE)
    for name in ("keras", "tf_keras"):
        Path(f"scale_{name}.py").write_text(SCALE.format(name))
    rng = np.random.default_rng(0)
    for make in (difference, outputs, tokens, open_sizes, own_layer):
        for k, end in ((tf_keras, "2.h5"), (keras, "3.keras")):
            model = fill(make(k), rng)
            model.save(f"{make.__name__}_{end}")
            keep(model, f"{make.__name__}_{end}.npz", rng)
    model = fill(recurrent_difference(tf_keras), rng)
    model.save("recurrent_2.h5")
    keep(model, "recurrent_2.h5.npz", rng)
    model = fill(loops(tf_keras), rng)
    (folder / "loops.tflite").write_bytes(looped(model))
    keep(model, "loops.npz", rng)
    for k, name in ((tf_keras, "saved_2"), (keras, "saved_3")):
        model = fill(difference(k), rng)
        model.save(name) if k is tf_keras else model.export(name, verbose=False)
        keep(model, f"{name}.npz", rng)
    model = difference(tf_keras)
    model = fill(tf_keras.models.clone_model(model, [tf_keras.Input((6,), 1, name=n) for n in ("zeta", "alpha")]), rng)
    x = samples(model, rng)
    answers = np.concatenate([model([x["zeta"][i : i + 1], x["alpha"][i : i + 1]]) for i in range(SAMPLES)])
    tflite(model, x, folder)
    for name in ("float", "int8"):
        named = {f"x_test.serving_default_{n}:0": v for n, v in x.items()}
        named |= {f"x_train.serving_default_{n}:0": np.roll(v, 1, axis=-1) for n, v in x.items()}
        np.savez(f"{name}.tflite.npz", **named, answer_0=answers)


def looped(model):
    """A recurrent layer as a loop, as conversion leaves it where nothing fuses it."""
    function = tf.function(lambda x: model(x), autograph=False).get_concrete_function(tf.TensorSpec((1, 6, 3)))
    return tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Small models on which `ai-edge-quantizer` shows its faults, and what runtimes answer; runs in workers."""

from pathlib import Path


def prepare(kind: str, folder: str) -> None:
    """A model with noise as samples: `float.tflite`, with ranges as `calibrated.tflite`, and `samples.npz`."""
    import numpy as np
    import tensorflow as tf
    import tf_keras

    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.int8 import calibrate
    from edgekit.quantize.settings import Quantize

    tf_keras.utils.set_random_seed(1)
    layers, rng = tf_keras.layers, np.random.default_rng(1)
    image = tf_keras.Input((8, 8, 4), name="image")
    if kind == "large":
        x = layers.Dense(64, name="wide")(layers.Dense(1152, activation="relu", name="large")(layers.Flatten()(image)))
    elif kind == "split":
        x = tf.split(layers.Conv2D(8, 3, name="conv")(image), 2, axis=-1)[0]
        x = layers.Conv2D(4, 3, name="after")(x)
    elif kind == "biases":
        x = layers.Conv2D(8, 3, name="conv", activation="relu")(image)
        x = layers.DepthwiseConv2D(3, name="depthwise")(x)
        x = layers.Dense(5, name="dense")(layers.Flatten()(x))
    elif kind == "shared":
        conv = layers.Conv2D(4, 3, padding="same", name="conv")
        x = layers.Concatenate()([conv(image), conv(layers.Rescaling(3.0)(image))])
    elif kind == "heads":
        x = layers.Flatten()(image)
        x = [layers.Dense(3, name="first")(x), layers.Dense(3, name="second")(x)]
    elif kind == "transposed":
        x = layers.Conv2DTranspose(6, 3, strides=2, name="up")(layers.Conv2D(8, 3, name="conv")(image))
    else:
        x = layers.Conv2D(8, 3, name="conv", activation="relu")(image)
        x = layers.DepthwiseConv2D(3, name="depthwise", activation="relu")(x)
        x = layers.Dense(5, name="dense")(layers.Flatten()(x))
    if kind == "rounding":
        x = layers.Dense(3, name="after")(tf.floor(x))
    if kind == "recurrent":
        x = layers.LSTM(4)(layers.Reshape((1, 5))(x))
    model = tf_keras.Model(image, x)
    for layer in model.layers if kind in ("biases", "shared") else ():
        if layer.weights:  # one channel with next to no weights, as training with decay leaves them
            kernel, bias = layer.get_weights()
            kernel[(..., 1, 0) if layer.name == "depthwise" else (..., 1)] *= 1e-9
            layer.set_weights([kernel, np.where(np.arange(len(bias)) == 1, 3.0, bias).astype(np.float32)])
    model.save(f"{folder}/model.h5")
    convert_file.run(folder, f"{folder}/model.h5", "")
    x = rng.normal(size=(32, 8, 8, 4)).astype(np.float32)
    np.savez(f"{folder}/samples.npz", x)
    content = Path(folder, "float.tflite").read_bytes()
    Path(folder, "calibrated.tflite").write_bytes(calibrate(content, [x], Quantize()))


def answers(model: str, runtime: str, folder: str) -> list[float]:
    """What a runtime makes of the first samples."""
    import numpy as np

    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import run

    with np.load(f"{folder}/samples.npz") as stored:
        x = stored["arr_0"][:8]
    session = open_session(runtime, model, 1)
    return [float(v) for row in x for output in run(session, [row[None]]) for v in output.ravel()]

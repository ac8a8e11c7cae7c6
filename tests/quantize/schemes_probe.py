"""What the tests of schemes and of quantization-aware training ask of a worker, which imports TensorFlow."""

from pathlib import Path
from typing import Any

from edgekit.data.spec import DataSpec
from edgekit.quantize.qat import Qat
from edgekit.quantize.settings import Quantize


def prepare(model: str, data: DataSpec, folder: str) -> None:
    """The reference model as `model.h5`, as `float.tflite`, and with ranges as `calibrated.tflite`."""
    from edgekit.model.read import load_file
    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.int8 import calibrate_file
    from edgekit.types import Reading

    load_file.run(folder, model, Reading())
    convert_file.run(folder, f"{folder}/model.h5", "")
    calibrate_file.run(folder, f"{folder}/float.tflite", data, Quantize())


def tensors(model: str) -> list[tuple[str, list[str]]]:
    """The operators of a graph, each with the types of what it reads."""
    from edgekit.flatbuffer.read import read_graph

    graph = read_graph(Path(model))
    return [(op.name, [graph.tensors[i].dtype for i in op.inputs]) for op in graph.operators]


def train(kind: str) -> dict[str, Any]:
    """Quantization-aware training of a small model of some kind, on noise of 0 to 100.

    Returns:
      what was noted, the operators in floating point, the share of zeros and the number of values of each int8 weight,
      and how far the int8 file is from the trained model, as a share of its largest output.
    """
    import numpy as np
    import tf_keras

    from edgekit.compress.targets import TrainingTargets, predict
    from edgekit.flatbuffer.edit import constants
    from edgekit.flatbuffer.read import parse_graph
    from edgekit.quantize import qat
    from edgekit.quantize.convert import convert
    from edgekit.quantize.int8 import quantize_whole
    from edgekit.quantize.integers import float_operators
    from edgekit.quantize.simulated import Simulated

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 2), name="image")
    x = layers.Conv2D(8, 3, padding="same", name="conv")(image)
    if kind == "batchnorm":
        x = layers.ReLU()(layers.BatchNormalization(name="folded")(x))
        x = layers.BatchNormalization(name="alone")(layers.MaxPooling2D()(x))
    if kind == "separable":
        x = layers.SeparableConv2D(8, 3, name="separable", activation="relu")(x)
    if kind == "rescaling":
        x = layers.LayerNormalization(name="normed")(layers.Rescaling(0.5, name="rescaled")(x))
    model = tf_keras.Model(image, layers.Dense(3, name="dense")(layers.Flatten()(x)))
    rng = np.random.default_rng(1)
    for name in ("conv", "dense"):
        kernel = model.get_layer(name).kernel
        if "zeros" in kind:
            kernel.assign(kernel * (rng.random(kernel.shape) < 0.5))
        if "clusters" in kind:
            values = np.quantile(kernel.numpy(), [0.1, 0.35, 0.65, 0.9])
            if "zeros" in kind:
                values[1] = 0
            nearest = np.abs(kernel.numpy()[..., None] - values).argmin(axis=-1)
            kernel.assign(values[nearest])
    data = [100 * rng.random(size=(128, 8, 8, 2)).astype(np.float32)]
    before = predict(model, data)[0]
    taught, quantize = TrainingTargets(before, tf_keras.losses.MeanSquaredError()), Quantize(io="float32")
    notes = qat.check(model, Qat())
    qat.train(model, data, taught, data, Qat(epochs=2), quantize, 1, lambda text, share: None)
    content, _ = quantize_whole(convert(model), data, quantize)
    simulated = Simulated(model, quantize)
    simulated.calibrate(data)
    graph = parse_graph(content, "trained")
    weights = {i: w for i, w in constants(content).items() if w.dtype == np.int8 and w.ndim > 1}
    return {
        "notes": notes,
        "floats": float_operators(graph),
        "zeros": [float((w == 0).mean()) for w in weights.values()],
        "values": [len(np.unique(w.reshape(len(w), -1)[0])) for w in weights.values()],
        "distance": _distance(content, simulated.model, data[0][:16]),
        "trained": float(np.abs(predict(model, data)[0] - before).max()),
        "same": float(np.abs(simulated.float_outputs(data)[0] - predict(model, data)[0]).max() / np.abs(before).max()),
    }


def regression(learning_rate: float, folder: str) -> dict[str, Any]:
    """Quantization-aware training of a model that reads 0 to 255 and answers 0 to 95.

    Returns:
      the notes, the largest answer of the int8 file, and whether it is the one of plain quantization.
    """
    import numpy as np
    import tf_keras

    from edgekit.data.calibration import calibration
    from edgekit.data.read import read_dataset
    from edgekit.data.samples import prepared
    from edgekit.data.spec import Preprocessing
    from edgekit.model.read import save
    from edgekit.quantize.convert import convert
    from edgekit.quantize.int8 import integers
    from edgekit.quantize.qat import outputs, qat_file
    from edgekit.types import TensorSpec

    tf_keras.utils.set_random_seed(1)
    layers, place = tf_keras.layers, Path(folder)
    x = (255 * np.random.default_rng(1).random((640, 4))).astype(np.float32)
    y = 95 * x[:, 0] / 255
    given = layers.Input((4,), name="readings")
    model = tf_keras.Model(given, layers.Dense(1, name="value")(layers.Dense(64, "relu", name="hidden")(given)))
    model.compile("adam", "mse")
    model.fit(x, y, epochs=40, verbose=0)
    save(model, place / "model.h5")
    np.savez(place / "data.npz", x_train=x[:512], y_train=y[:512], x_test=x[512:], y_test=y[512:])
    inputs, quantize = (
        (TensorSpec("readings", (1, 4), "float32"),),
        Quantize(calibration_samples=64, granularity="tensor"),
    )
    data = DataSpec(str(place / "data.npz"), "", Preprocessing(), inputs, 1, seed=1, held_out=True)
    settings = Qat(epochs=2, learning_rate=learning_rate)
    (place / "out").mkdir()
    silent = lambda text, share: None  # noqa: E731
    said = qat_file.run(
        str(place / "out"), str(place / "model.h5"), data, settings, 1, "", None, quantize, progress=silent
    )
    content = (place / "out/model.tflite").read_bytes()
    plain, _ = integers(convert(model), calibration(read_dataset(data), 64, data), quantize)
    largest = float(outputs(content, prepared(read_dataset(data).evaluation, data))[0].max())
    return {"notes": [*said.remarks, *said.notes], "largest": largest, "plain": content == plain}


def _distance(content: bytes, trained: Any, x: Any) -> float:
    import numpy as np
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    [into], [out] = interpreter.get_input_details(), interpreter.get_output_details()
    given = []
    for row in x:
        interpreter.set_tensor(into["index"], row[None])
        interpreter.invoke()
        given.append(interpreter.get_tensor(out["index"])[0])
    wanted = trained.predict(x, verbose=0)
    return float(np.abs(np.array(given) - wanted).max() / np.abs(wanted).max())


def largest(shape: list[int], axes: list[int], keep: bool) -> dict[str, Any]:
    """The largest value of an input over some axes, as a pooling.

    Returns:
      the operators, whether the answers are the same to the bit, and which operators int16x8 leaves in float.
    """
    import tempfile

    import numpy as np
    import tensorflow as tf

    from edgekit.flatbuffer.read import parse_graph
    from edgekit.model.function import to_tflite
    from edgekit.quantize.int8 import calibrate
    from edgekit.quantize.integers import float_operators
    from edgekit.quantize.pooling import with_pooling
    from edgekit.quantize.qat import outputs
    from edgekit.quantize.schemes import quantize_with_scheme

    @tf.function(input_signature=[tf.TensorSpec((1, *shape))])
    def model(x):
        return tf.reduce_max(x, axis=axes, keepdims=keep) * 0.5

    settings = Quantize(scheme="int16x8", calibration_samples=8)
    samples = [np.random.default_rng(1).normal(size=(8, *shape)).astype(np.float32)]
    given = to_tflite(model.get_concrete_function())
    pooled = with_pooling(given)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float.tflite"
        path.write_bytes(calibrate(given, samples, settings))
        quantize_with_scheme.run(folder, str(path), settings)
        quantized = (Path(folder) / "model.tflite").read_bytes()
    [before], [after], [real] = (outputs(file, samples) for file in (given, pooled, quantized))
    return {
        "operators": list(parse_graph(pooled, "pooled").operator_names),
        "same": np.array_equal(before, after),
        "floats": float_operators(parse_graph(quantized, "quantized")),
        "error": float(np.abs(real - before).max()),
    }

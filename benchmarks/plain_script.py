"""What an engineer writes without edgekit: prune, quantize and score the reference model with TFMOT and the converter.

    python benchmarks/plain_script.py OUTPUT_FOLDER

It does what `invoke build --target=phone` does, and no more: no checks, no second runtime, no report, no cache.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

ASSETS = Path(__file__).parents[1] / "assets"
EPOCHS, BATCH = 2, 64


def load_model():
    """The Keras 3 file as the Keras 2 model that TFMOT wants."""
    source = keras.models.load_model(ASSETS / "digits.keras", compile=False)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            tf_keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.set_weights(source.get_weights())
    return model


def prune(model, x, y):
    tf_keras.utils.set_random_seed(1)
    end = round(0.75 * EPOCHS * -(-len(x) // BATCH))
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.5, 0, end, frequency=6)
    pruned = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
    pruned.compile(tf_keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    pruned.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
    return tfmot.sparsity.keras.strip_pruning(pruned)


def quantize(model, samples):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def evaluate(model, x, y):
    """Accuracy and median latency (ns) of a `.tflite`."""
    interpreter = tf.lite.Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if source["dtype"] == np.int8:
        scale, zero_point = source["quantization"]
        x = np.clip(np.round(x / scale) + zero_point, -128, 127).astype(np.int8)
    right = 0
    for sample, label in zip(x, y, strict=True):
        interpreter.set_tensor(source["index"], sample[None])
        interpreter.invoke()
        right += int(interpreter.get_tensor(target["index"]).argmax()) == label
    times = []
    for _ in range(100):
        start = time.perf_counter_ns()
        interpreter.invoke()
        times.append(time.perf_counter_ns() - start)
    return right / len(y), sorted(times)[50]


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with np.load(ASSETS / "digits.npz") as data:
        x_train, x_test = ((data[k] / 255).astype(np.float32)[..., None] for k in ("x_train", "x_test"))
        y_train, y_test = data["y_train"], data["y_test"]
    model = load_model()
    reference = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    pruned = prune(model, x_train, y_train)
    calibration = np.concatenate([x_train[y_train == digit][:26] for digit in range(10)])[:256]
    shipped = quantize(pruned, calibration)
    (out / "model.tflite").write_bytes(shipped)
    for name, content in (("float", reference), ("int8", shipped)):
        accuracy, latency = evaluate(content, x_test, y_test)
        print(f"{name}: {len(content)} B, {100 * accuracy:.2f} %, {latency / 1000:.1f} us")


if __name__ == "__main__":
    main()

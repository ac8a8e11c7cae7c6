"""Conversion and quantization of MobileNetV2, once edgekit's way and once TensorFlow's, each in a fresh process.

python benchmarks/conversion.py edgekit|tensorflow OUTPUT.tflite      prints the seconds
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tf_keras

from edgekit.quantize.convert import convert
from edgekit.quantize.int8 import quantize
from edgekit.quantize.settings import Quantize

SAMPLES = 100


def with_edgekit(model, samples):
    return quantize(convert(model), [samples], Quantize())


def with_tensorflow(model, samples):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def main():
    way = {"edgekit": with_edgekit, "tensorflow": with_tensorflow}[sys.argv[1]]
    tf_keras.utils.set_random_seed(1)
    model = tf_keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None)
    samples = np.random.default_rng(1).random((SAMPLES, 96, 96, 3), dtype=np.float32)
    start = time.perf_counter()
    content = way(model, samples)
    seconds = time.perf_counter() - start
    Path(sys.argv[2]).write_bytes(content)
    print(seconds)


if __name__ == "__main__":
    main()

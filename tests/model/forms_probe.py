"""What the tests of forms ask of a worker."""

from pathlib import Path

import numpy as np

from edgekit.quantize.int8 import quantize
from edgekit.quantize.settings import Quantize


def quantize_loop(model: str) -> int:
    """Gives TensorFlow's quantizer a graph that it does not survive."""
    samples = [np.random.default_rng(0).random((8, 6, 3), dtype=np.float32)]
    return len(quantize(Path(model).read_bytes(), samples, Quantize()))

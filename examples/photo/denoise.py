"""Denoises a picture as the app does: `python denoise.py model.tflite dark.png clean.png`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

from tiling import in_tiles


def denoiser(file: str) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """What a .tflite makes of a tile, (tile, tile, 3) uint8 to the same, and the size of a tile in pixels."""
    model = Interpreter(file, num_threads=1)
    model.allocate_tensors()
    given, made = model.get_input_details()[0], model.get_output_details()[0]

    def clean(tile: np.ndarray) -> np.ndarray:
        model.set_tensor(given["index"], _stored(tile.astype(np.float32) / 255, given)[None])
        model.invoke()
        real = _real(model.get_tensor(made["index"])[0], made)
        return np.rint(np.clip(real, 0, 1) * 255).astype(np.uint8)

    return clean, int(given["shape"][1])


def _stored(real: np.ndarray, tensor: dict) -> np.ndarray:
    if tensor["dtype"] is np.float32:
        return real
    scale, zero = tensor["quantization"]
    return np.clip(np.rint(real / scale) + zero, -128, 127).astype(np.int8)


def _real(stored: np.ndarray, tensor: dict) -> np.ndarray:
    if tensor["dtype"] is np.float32:
        return stored
    scale, zero = tensor["quantization"]
    return (stored.astype(np.float32) - zero) * scale


def main() -> None:
    """See the top of this file."""
    if len(sys.argv) != 4:
        raise SystemExit("write: python denoise.py model.tflite dark.png clean.png")
    clean, tile = denoiser(sys.argv[1])
    picture = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")
    Image.fromarray(in_tiles(np.asarray(picture), clean, tile)).save(sys.argv[3])


if __name__ == "__main__":
    main()

"""The photographs, the noise of a small sensor in the dark, and the pairs of tiles that a build reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

PHOTOGRAPHS = Path(__file__).resolve().parent / "photographs"
TILE = 96
"""Height and width of what the model takes, in pixels."""
SHOT, READ = 0.02, 0.04
"""Variance of the noise per unit of light, and deviation of the noise in full darkness; full light is 1."""


def photographs(part: str) -> dict[str, np.ndarray]:
    """Those of `train` or `held_out` by their names, each (H, W, 3) uint8."""
    files = sorted(file for file in (PHOTOGRAPHS / part).iterdir() if file.suffix in (".png", ".jpg"))
    return {file.stem: np.asarray(Image.open(file).convert("RGB")) for file in files}


def noisy(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a sensor gives of a picture, (…, 3) uint8 to the same: shot noise grows with the light, read noise is there.

    Source: Foi et al. 2008, "Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image Raw-Data",
    with both parts as Gaussians.
    """
    light = clean.astype(np.float32) / 255
    noise = rng.standard_normal(clean.shape, np.float32) * np.sqrt(SHOT * light + READ**2)
    return np.rint(np.clip(light + noise, 0, 1) * 255).astype(np.uint8)


def tiles(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) in tiles that do not overlap, (N, TILE, TILE, 3); what is left over is dropped."""
    rows, columns = picture.shape[0] // TILE, picture.shape[1] // TILE
    cut = picture[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE, 3)
    return cut.swapaxes(1, 2).reshape(-1, TILE, TILE, 3)


def dataset() -> dict[str, np.ndarray]:
    """What `edgekit build` reads: noisy tiles as bytes, clean ones as numbers from 0 to 1, and their photographs."""
    rng, arrays = np.random.default_rng(1), {}
    for name, part in ("train", "train"), ("test", "held_out"):
        cut = {photograph: tiles(picture) for photograph, picture in photographs(part).items()}
        clean = np.concatenate(list(cut.values()))
        arrays[f"x_{name}"] = noisy(clean, rng)
        arrays[f"y_{name}"] = clean.astype(np.float32) / 255
        arrays[f"photograph_{name}"] = np.repeat(list(cut), [len(some) for some in cut.values()])
    return arrays

"""PSNR and SSIM of photographs that were never seen, and the seams: `python score.py int8.tflite float.tflite`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from denoise import denoiser
from pictures import noisy, photographs
from quality import psnr
from tiling import HALO, in_tiles

Denoise = Callable[[np.ndarray], np.ndarray]
BLURS = (0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0)
"""Deviations in pixels, of which the best one on the photographs of the training is taken."""


def pairs(part: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Clean and noisy photographs."""
    rng = np.random.default_rng(2)
    return [(clean, noisy(clean, rng)) for clean in photographs(part).values()]


def quality(clean: np.ndarray, made: np.ndarray) -> tuple[float, float]:
    """PSNR in dB and SSIM of Wang et al. 2004 of two pictures, (H, W, 3) uint8."""
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    similar = structural_similarity(clean, made, channel_axis=2, **settings)
    return psnr(clean[None] / 255, made[None] / 255), float(similar)


def blur(deviation: float) -> Denoise:
    """The filter that takes no model."""
    return lambda picture: gaussian_filter(picture, (deviation, deviation, 0))


def best_blur() -> Denoise:
    """That of the deviation which suits the photographs of the training."""
    seen = pairs("train")
    return max(map(blur, BLURS), key=lambda one: np.mean([quality(clean, one(dark))[0] for clean, dark in seen]))


def by_model(file: str, halo: int = HALO) -> Denoise:
    """A .tflite in tiles."""
    clean, tile = denoiser(file)
    return lambda picture: in_tiles(picture, clean, tile, halo)


def scores(ways: dict[str, Denoise]) -> dict[str, list[tuple[float, float]]]:
    """For each way the quality of each photograph that was not seen."""
    unseen = pairs("held_out")
    return {name: [quality(clean, way(dark)) for clean, dark in unseen] for name, way in ways.items()}


def seams(file: str, halo: int) -> tuple[float, int]:
    """How far tiles with `halo` are from tiles that overlap twice as far as needed: share of bytes, and the most."""
    far = 0
    differ = []
    for _, dark in pairs("held_out"):
        apart = np.abs(by_model(file, halo)(dark).astype(int) - by_model(file, 2 * HALO)(dark))
        far = max(far, int(apart.max()))
        differ.append(apart.ravel() > 0)
    return float(np.concatenate(differ).mean()), far


def milliseconds(file: str, runs: int = 50) -> float:
    """Median time of one tile on this computer, one thread, with bytes in and bytes out."""
    clean, size = denoiser(file)
    tile = np.zeros((size, size, 3), np.uint8)
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        clean(tile)
        took.append(time.perf_counter() - started)
    return 1000 * float(np.median(took))


def main() -> None:
    """See the top of this file."""
    if len(sys.argv) != 3:
        raise SystemExit("write: python score.py int8.tflite float.tflite")
    int8, real = sys.argv[1:]
    ways = {"noisy": np.copy, "Gaussian blur": best_blur(), "float": by_model(real), "int8": by_model(int8)}
    print(f"{'':14}" + "".join(f"{name:>18}" for name in photographs("held_out")))
    for name, figures in scores(ways).items():
        print(f"{name:14}" + "".join(f"{ratio:8.2f} dB {similar:.4f}" for ratio, similar in figures))
    for halo in (HALO, 0):
        share, far = seams(int8, halo)
        print(f"overlap {2 * halo:2}: {100 * share:.2f} % of bytes differ from a larger overlap, by {far} at most")
    print(f"a tile on this computer: int8 {milliseconds(int8):.1f} ms, float {milliseconds(real):.1f} ms")


if __name__ == "__main__":
    main()

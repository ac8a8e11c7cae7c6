"""Sounds at which arithmetic breaks: silence, full scale, clipped, quiet, sparse and changing ones; and real speech."""

from pathlib import Path

import numpy as np
import pytest

SPEECH = Path(__file__).parents[3] / "shared/data/spoken_digits.npz"


def sound(kind: str, seed: int, samples: int) -> np.ndarray:
    """(samples,) int16, the same for the same seed."""
    random = np.random.default_rng(seed)
    time = np.arange(samples)
    loud = 10 ** random.uniform(0, 5)
    turn = random.uniform(0.001, 3)
    made = {
        "silence": lambda: np.zeros(samples),
        "noise": lambda: random.normal(size=samples) * loud,
        "full scale": lambda: random.choice([-32768, 32767], samples),
        "square": lambda: np.sign(np.sin(time * turn)) * 32768,
        "tone": lambda: np.sin(time * turn) * loud,
        "constant": lambda: np.full(samples, random.choice([-32768, -1, 1, 32767])),
        "clicks": lambda: (random.random(samples) < 0.001) * -32768,
        "bursts": lambda: random.normal(size=samples) * np.where(time // 2000 % 2, 20000, 3),
    }[kind]()
    return np.clip(made, -32768, 32767).astype(np.int16)


KINDS = ("silence", "noise", "full scale", "square", "tone", "constant", "clicks", "bursts")


def speech(count: int) -> np.ndarray:
    """(count, 16000) int16 of many speakers, at 16 kHz: from 8 kHz, with means between."""
    if not SPEECH.exists():
        pytest.skip(f"no {SPEECH.name}")
    recordings = np.load(SPEECH)["x"]
    slow = recordings[:: len(recordings) // count][:count].astype(np.int32)
    between = (slow + np.roll(slow, -1, axis=1)) // 2
    return np.stack([slow, between], axis=2).reshape(count, -1).astype(np.int16)

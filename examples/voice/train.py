"""Trains voice.keras, and writes the share of the recordings that is kept beside it, voice.npz and stream/.

    python train.py spoken_digits.npz                 # the model: it never hears SPEAKER
    python train.py spoken_digits.npz --each-speaker  # and the others, each never hearing one speaker more

The recordings are those of the Free Spoken Digit Dataset in arrays: x (N, 8000) int16 at 8 kHz, filled up with zeros
behind; length, y (0 to 9) and speaker, each (N,).
"""

from __future__ import annotations

import argparse
import os
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras
from scipy.signal import resample

from edgekit.profile.project import find_project

HERE = Path(__file__).resolve().parent
SPEAKER = "theo"
"""Never heard by voice.keras."""
SAMPLES = 8000
"""One second."""
CLASSES = 11
"""`none`, and ten digits."""
EPOCHS, BATCH = 24, 64
SEED = 1


class Words(NamedTuple):
    """Recordings of digits."""

    x: np.ndarray
    """(N, SAMPLES) int16"""
    length: np.ndarray
    """(N,) samples that are sound; zeros follow."""
    y: np.ndarray
    """(N,) 0 to 9"""
    speaker: np.ndarray
    """(N,) of text"""

    def of(self, rows: np.ndarray) -> Words:
        """Some of them."""
        return Words(*(array[rows] for array in self))


class Seconds(NamedTuple):
    """What the model hears."""

    x: np.ndarray
    """(N, SAMPLES) int16"""
    y: np.ndarray
    """(N,) uint8: 0 for `none`, 1 to 10 for the digits."""
    speaker: np.ndarray
    """(N,) of text"""


def read(path: str) -> Words:
    """All recordings of the dataset."""
    data = np.load(path)
    return Words(data["x"], np.minimum(data["length"], SAMPLES), data["y"].astype(np.uint8), data["speaker"])


def noise(rng: np.random.Generator) -> np.ndarray:
    """A second of noise, (SAMPLES,) float: white to pink, 42 to 80 dB below full scale."""
    spectrum = np.fft.rfft(rng.standard_normal(SAMPLES))
    spectrum /= np.maximum(1, np.arange(len(spectrum))) ** rng.uniform(0, 0.5)
    made = np.fft.irfft(spectrum, SAMPLES)
    return made / made.std() * 32768 * 10 ** (rng.uniform(-80, -42) / 20)


def spoken(words: Words, row: int, rng: np.random.Generator) -> np.ndarray:
    """A word as a taller or smaller person would say it, slower and lower or faster and higher; louder or softer."""
    said = words.x[row, : words.length[row]].astype(float)
    return resample(said, round(len(said) * rng.uniform(0.8, 1.25)))[:SAMPLES] * 10 ** (rng.uniform(-18, 6) / 20)


def heard(word: np.ndarray, start: int, rng: np.random.Generator) -> np.ndarray:
    """A second of noise, (SAMPLES,) int16, in which a word starts at a sample, inside of it or not."""
    second = noise(rng)
    first, last = np.clip([start, start + len(word)], 0, SAMPLES)
    second[first:last] += word[first - start : last - start]
    return np.clip(np.rint(second), -32768, 32767).astype(np.int16)


def augmented(words: Words, rng: np.random.Generator) -> Seconds:
    """Each word once, whole, somewhere in its second; and for every eighth word a second of `nothing`."""
    whole = [spoken(words, row, rng) for row in range(len(words.y))]
    x = [heard(word, rng.integers(0, SAMPLES - len(word) + 1), rng) for word in whole]
    none = nothing(words, len(words.y) // 8, rng)
    return Seconds(np.concatenate([x, none.x]), np.append(words.y + 1, none.y), np.append(words.speaker, none.speaker))


def nothing(words: Words, count: int, rng: np.random.Generator) -> Seconds:
    """Seconds of noise, some with the start or the end of a word: what a stream hears around a word."""
    rows = np.arange(count) * len(words.y) // count
    x = np.empty((count, SAMPLES), np.int16)
    for second, row in zip(x, rows, strict=True):
        word = spoken(words, row, rng)
        inside = round(len(word) * rng.uniform(-0.2, 0.35))
        second[:] = heard(word, SAMPLES - inside if rng.random() < 0.5 else inside - len(word), rng)
    return Seconds(x, np.zeros(count, np.uint8), words.speaker[rows])


def features(seconds: np.ndarray) -> np.ndarray:
    """What the model takes, (N, frames, bands, 1) float32: by the front-end and the preprocessing of pyproject.toml."""
    model = find_project(HERE).models["voice"]
    made = model.frontend.features(seconds) * np.float32(model.frontend.step)
    return ((made - model.preprocessing.mean) / model.preprocessing.std)[..., None].astype(np.float32)


def coloured(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Features of other microphones: with a slope and a bend over the bands, and some bands silent.

    Args:
      x: (N, frames, bands, 1) float32
    """
    count, _, bands, _ = x.shape
    across = np.linspace(-1, 1, bands, dtype=np.float32)[:, None]
    slope, bend = rng.normal(0, 0.3, (2, count, 1, 1, 1)).astype(np.float32)
    first, width = rng.integers(0, bands, (count, 1)), rng.integers(0, 5, (count, 1))
    silent = (np.arange(bands) >= first) & (np.arange(bands) < first + width)
    return np.where(silent[:, None, :, None], x.mean(axis=(1, 2), keepdims=True), x + slope * across + bend * across**2)


def network(shape: tuple[int, ...]) -> tf_keras.Model:
    """A DS-CNN: Zhang et al. 2017, "Hello Edge: Keyword Spotting on Microcontrollers"."""
    layers = tf_keras.layers
    net = [layers.Conv2D(32, 5, strides=2, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    for filters, strides in (48, 2), (64, 1), (64, 1), (64, 1):
        net += [layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)]
        net += [layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(filters, 1, use_bias=False)]
        net += [layers.BatchNormalization(), layers.ReLU()]
    net += [layers.GlobalAveragePooling2D(), layers.Dropout(0.3), layers.Dense(CLASSES, activation="softmax")]
    return tf_keras.Sequential([layers.Input(shape), *net], name="voice")


def trained(copies: list[np.ndarray], y: np.ndarray) -> tf_keras.Model:
    """A model that heard seconds.

    Args:
      copies: of the same words, each (N, frames, bands, 1).
      y: (N,)
    """
    tf_keras.utils.set_random_seed(SEED)
    rng, answers, steps = np.random.default_rng(SEED), np.eye(CLASSES, dtype=np.float32)[y], len(y) // BATCH

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for epoch in range(EPOCHS):
            for rows in rng.permutation(len(y))[: steps * BATCH].reshape(steps, BATCH):
                yield coloured(copies[epoch % len(copies)][rows], rng), answers[rows]

    net = network(copies[0].shape[1:])
    rate = tf_keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * steps)
    loss = tf_keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    net.compile(tf_keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    net.fit(batches(), steps_per_epoch=steps, epochs=EPOCHS, verbose=2)
    return net


def share(words: Words) -> dict[str, np.ndarray]:
    """What a build needs: of each speaker some words to calibrate with, and more of SPEAKER to judge by."""
    rng, arrays = np.random.default_rng(SEED), {}
    for part, one, each in ("train", words.speaker != SPEAKER, 3), ("test", words.speaker == SPEAKER, 20):
        of = words.of(one)
        said = list(zip(of.speaker, of.y, strict=True))
        some = of.of(np.array([said[:row].count(pair) < each for row, pair in enumerate(said)]))
        none = nothing(some, len(some.y) // 10, rng)
        arrays[f"x_{part}"] = np.concatenate([some.x, none.x])
        arrays[f"y_{part}"] = np.append(some.y + 1, none.y)
        arrays[f"speaker_{part}"] = np.append(some.speaker, none.speaker)
    return arrays


def write_stream(words: Words, file: Path) -> None:
    """Writes a recording in which SPEAKER now and then says a word in soft noise, and beside it a label track."""
    rng = np.random.default_rng(SEED)
    of = words.of(words.speaker == SPEAKER)
    labels = find_project(HERE).models["voice"].labels
    sound = rng.normal(0, 30, 50 * SAMPLES)  # 61 dB below full scale
    track, at = [], SAMPLES
    for row in rng.permutation(len(of.y)):
        if (end := at + of.length[row]) > len(sound) - SAMPLES:
            break
        sound[at:end] += of.x[row, : of.length[row]]
        track.append(f"{at / SAMPLES:.3f}\t{end / SAMPLES:.3f}\t{labels[of.y[row] + 1]}\n")
        at = end + rng.integers(SAMPLES // 2, 2 * SAMPLES)
    file.parent.mkdir(exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, SAMPLES, 0, "NONE", ""))
        out.writeframes(np.clip(np.rint(sound), -32768, 32767).astype("<i2").tobytes())
    file.with_suffix(".txt").write_text("".join(track))


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="spoken_digits.npz")
    parser.add_argument("--each-speaker", action="store_true", help="train once more for each of the other speakers")
    parser.add_argument("--copies", type=int, default=8, help="how often each recording is played another way")
    said = parser.parse_args()
    words = read(said.data)
    np.savez_compressed(HERE / "voice.npz", **share(words))
    write_stream(words, HERE / "stream" / f"{SPEAKER}.wav")
    rng = np.random.default_rng(SEED)
    seconds = augmented(words, rng)
    y, speaker, copies = seconds.y, seconds.speaker, [features(seconds.x)]
    while len(copies) < said.copies:
        again = augmented(words, rng)
        copies.append(features(again.x))
    others = sorted(set(words.speaker) - {SPEAKER}) if said.each_speaker else []
    for unheard in [SPEAKER, *others]:
        net = trained([copy[speaker != unheard] for copy in copies], y[speaker != unheard])
        if unheard == SPEAKER:
            kept = network(copies[0].shape[1:])
            kept.set_weights(net.get_weights())
            kept.save(HERE / "voice.keras")  # without the optimizer, which is larger than the model
        test = words.of(words.speaker == unheard)
        right = net.predict(features(test.x), verbose=0).argmax(axis=1) == test.y + 1
        print(f"{unheard}, never heard: {100 * right.mean():.1f} % of {len(right)} words", flush=True)


if __name__ == "__main__":
    main()

"""The C of the front-ends of sound gives what NumPy gives, byte for byte."""

import math

import numpy as np
import pytest
from c_probe import STREAMED, in_c
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.frontend.audio import Audio
from edgekit.frontend.kinds import LogMel, Mfcc, Spectrogram
from edgekit.frontend.pcen import Pcen


@st.composite
def frontends(draw) -> Audio:
    """Any front-end of sound that the settings allow."""
    rate = draw(st.sampled_from([4000, 8000, 11025, 16000, 44100]))
    window = draw(st.integers(2, 900))
    fits = max(5, math.ceil(math.log2(window)))
    sound = {
        "sample_rate": rate,
        "window_ms": window * 1000 / rate,
        "hop_ms": draw(st.integers(1, 400)) * 1000 / rate,
        "fft_length": 2 ** draw(st.integers(fits, min(fits + 2, 12))),
        "window_shape": draw(st.sampled_from(["hann", "hamming"])),
        "pre_emphasis": draw(st.one_of(st.just(0.0), st.just(0.97), st.floats(0, 1, exclude_max=True))),
    }
    lower = draw(st.floats(0, rate / 4))
    bands = {
        "mel_bands": draw(st.integers(1, 64)),
        "lower_edge_hertz": lower,
        "upper_edge_hertz": draw(st.floats(lower + 1, rate / 2)),
        "mel_scale": draw(st.sampled_from(["htk", "slaney"])),
    }
    compressed = {"compression": draw(st.sampled_from(["log", "db"])), "floor": 10 ** draw(st.floats(-12, 0))}
    kind = draw(st.sampled_from(["log-mel", "pcen", "mfcc", "spectrogram"]))
    if kind == "spectrogram":
        return Spectrogram(**sound, **compressed)
    if kind == "mfcc":
        return Mfcc(**sound, **bands, **compressed, coefficients=draw(st.integers(1, bands["mel_bands"])))
    if kind == "log-mel":
        return LogMel(**sound, **bands, **compressed)
    normalizing = Pcen(
        gain=draw(st.floats(0, 1)),
        bias=draw(st.floats(0, 10)),
        power=draw(st.floats(0.01, 1)),
        smoothing=draw(st.floats(1e-4, 1)),
        epsilon=10 ** draw(st.floats(-12, 0)),
    )
    return LogMel(**sound, **bands, compression="pcen", pcen=normalizing)


def recordings(count: int, samples: int, seed: int) -> np.ndarray:
    """Sound of all levels: noise, chirps, clicks, silence between, full scale, clipping."""
    random = np.random.default_rng(seed)
    time = np.arange(samples)
    made = []
    for n in range(count):
        level = 2 ** random.uniform(0, 17)
        chirp = np.sin(np.pi * time**2 / samples * random.uniform(0, 1) + random.uniform(0, 6))
        shape = [random.normal(size=samples) / 3, chirp, np.sign(chirp), random.random(samples) < 0.01, chirp * 0][
            n % 5
        ]
        quiet = np.where(random.random(samples // 100 + 1).repeat(100)[:samples] < 0.2, 0, 1)
        made.append(np.clip(np.round(level * shape * quiet), -32768, 32767))
    return np.array(made).astype(np.int16)


def most_frames(frontend: Audio, frames: int) -> int:
    """Samples of a recording of some frames, and a few more."""
    return frontend.window + (frames - 1) * frontend.hop + frontend.hop // 2


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frontends(), st.integers(0, 10**6), st.sampled_from(["gcc", "clang"]))
def test_c_equals_numpy_on_every_setting(frontend, seed, compiler):
    sound = recordings(25, most_frames(frontend, 6), seed)
    np.testing.assert_array_equal(in_c(frontend, sound, compiler), frontend.features(sound))


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frontends(), st.integers(0, 10**6), st.sampled_from(["gcc", "clang"]))
def test_c_equals_numpy_on_10000_recordings(frontend, seed, compiler):
    sound = recordings(250, most_frames(frontend, 8), seed)
    np.testing.assert_array_equal(in_c(frontend, sound, compiler), frontend.features(sound))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        LogMel(sample_rate=8000),
        LogMel(sample_rate=8000, compression="pcen", mel_scale="slaney"),
        Mfcc(sample_rate=8000, pre_emphasis=0.97),
        Spectrogram(sample_rate=8000),
    ],
)
def test_c_equals_numpy_on_all_speech(kind, shared):
    with np.load(shared / "spoken_digits.npz") as file:
        sound = file["x"]
    np.testing.assert_array_equal(in_c(kind, sound, "clang"), kind.features(sound))


@pytest.mark.parametrize("kind", [LogMel(), LogMel(compression="pcen"), Mfcc(pre_emphasis=0.97), Spectrogram()])
def test_frame_by_frame_equals_all_at_once(kind):
    sound = recordings(10, 16000, 5)
    np.testing.assert_array_equal(in_c(kind, sound, call=STREAMED), kind.features(sound))

"""The power of the frequencies of a window: the same in NumPy, in C and on a core, and near to float64."""

import numpy as np
import pytest
from c_probe import in_c
from core_probe import on_core, samples
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import ProjectError
from edgekit.firmware.run import missing
from edgekit.frontend.base import Raw
from edgekit.frontend.spectral import Spectral
from edgekit.frontend.window import Window

NORMALIZE = ("none", "mean", "deviation", "standard")


def in_reals(window: Window, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In float64, of the normalized samples as they are stored: |DFT| (N, bins, channels), and from what on the
    features are as near as stated (N, 1, channels)."""
    normalized = Window(length=window.length, normalize=window.normalize, resolution=window.resolution)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window.length) / window.length)
    x = normalized.features(raw) * normalized.step * hann[:, None]
    spectrum = np.fft.rfft(x, window.spectral.points(window.length), axis=1)
    least = np.maximum(np.abs(x).sum(axis=1, keepdims=True) / 5000, window.length * normalized.step / 5)
    return np.abs(spectrum[:, 1 : window.spectral.bins + 1]), least


@st.composite
def cases(draw) -> tuple[Window, np.ndarray]:
    length, channels = draw(st.integers(2, 200)), draw(st.integers(1, 3))
    points = length + draw(st.integers(0, 60))
    spectral = Spectral(bins=draw(st.integers(1, points // 2)), fft_length=points, floor=10 ** draw(st.floats(-12, 0)))
    normalize, resolution = draw(st.sampled_from(NORMALIZE)), draw(st.floats(1e-6, 1e3))
    raw = samples(Raw((length, channels), "int16"), draw(st.integers(0, 2**32 - 1)), 40)
    raw[20:] >>= np.array(draw(st.integers(0, 15)), np.int16)
    return Window(length=length, normalize=normalize, resolution=resolution, spectral=spectral), raw


@given(case=cases())
def test_logarithms_are_near_to_those_of_float64(case):
    window, raw = case
    size, least = in_reals(window, raw)
    wanted = np.log(np.maximum(size**2, window.spectral.floor))
    assert np.abs(window.features(raw) * window.step - wanted)[size >= least].max(initial=0) <= 0.01


def test_of_a_watch_too(shared):
    raw = np.clip(np.round(np.load(shared / "watch_activity.npz")["x"][::10] * 1000), -32768, 32767).astype(np.int16)
    window = Window(length=100, normalize="standard", spectral=Spectral(bins=50))
    size, least = in_reals(window, raw)
    near = size >= least
    assert np.abs(window.features(raw) * window.step - 2 * np.log(np.maximum(size, 1e-3)))[near].max() <= 0.01
    assert near.mean() > 0.5
    assert in_c(window, raw).tobytes() == window.features(raw).tobytes()


@given(case=cases(), compiler=st.sampled_from(["gcc", "clang"]))
@settings(max_examples=12)
def test_c_gives_the_same_bytes(case, compiler):
    window, raw = case
    assert in_c(window, raw, compiler).tobytes() == window.features(raw).tobytes()


def test_the_longest_window_has_room():
    window = Window(length=4096, spectral=Spectral(bins=2048), resolution=1e6)
    raw = np.full((2, 4096, 1), -32768, np.int16)
    raw[1, ::2] = 32767
    assert in_c(window, raw).tobytes() == window.features(raw).tobytes()
    assert np.abs(window.features(raw)[1, -1] * window.step - 2 * np.log(in_reals(window, raw)[0][1, -1])) < 0.01


@pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")
def test_a_core_gives_the_same_bytes():
    raw = np.random.default_rng(0).integers(-32768, 32768, (5, 100, 6)).astype(np.int16)
    window = Window(length=100, normalize="standard", spectral=Spectral(bins=16))
    features, done = on_core(window, raw, "cortex-m4f")
    assert features.tobytes() == window.features(raw).tobytes()
    assert done.most < 250_000


def test_a_tone_is_in_its_bin():
    time = np.arange(128)
    raw = np.round(1000 * np.sin(2 * np.pi * 9 * time / 128)).astype(np.int16)[None, :, None]
    assert Window(length=128, spectral=Spectral(bins=40)).features(raw)[0, :, 0].argmax() == 9 - 1


@pytest.mark.parametrize(
    ("spectral", "said"),
    [
        (Spectral(bins=51), "bins: 51, but 100 samples have 50 bins"),
        (Spectral(fft_length=64), "fft_length: 64 is not from 100, the length of the window, to 4096"),
        (Spectral(fft_length=8192), "fft_length: 8192 is not from 100, the length of the window, to 4096"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(spectral, said):
    with pytest.raises(ProjectError, match=said):
        Window(length=100, spectral=spectral).shape(Raw((100, 6), "int16"))

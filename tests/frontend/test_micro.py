"""The micro front-end is TFLM's: the same features as pymicro-features and as TFLM's C, in Python and in C."""

import ctypes
import ctypes.util
import hashlib
import json

import msgspec
import numpy as np
import pytest
from c_probe import STREAMED, in_c
from core_probe import on_core
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import KINDS, sound, speech
from tflm_reference import FILE, drawn

from edgekit.config import decode
from edgekit.errors import ProjectError
from edgekit.firmware.run import missing
from edgekit.frontend.base import Raw
from edgekit.frontend.micro import Micro
from edgekit.frontend.micro_tables import log1p


def in_pymicro(pcm: np.ndarray) -> np.ndarray:
    """(frames, 40) float32 of (samples,) at 16 kHz, as pymicro-features gives them, 10 ms at a time."""
    library = pytest.importorskip("pymicro_features")
    if not same_logarithms():
        pytest.skip("this C library's log1pf gives the filterbank of pymicro-features other weights")
    frontend = library.MicroFrontend()
    made = (frontend.process_samples(pcm[at : at + 160].tobytes()).features for at in range(0, len(pcm) - 159, 160))
    return np.array([features for features in made if features], np.float32)


def same_logarithms() -> bool:
    """Whether the C library here has the log1pf of fdlibm."""
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    library.log1pf.argtypes, library.log1pf.restype = [ctypes.c_float], ctypes.c_float
    return all(log1p(np.float32(x)) == np.float32(library.log1pf(x)) for x in np.arange(257) * 31.25 / 700)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1), st.integers(480, 20_000))
def test_any_sound_is_as_in_pymicro_features(kind, seed, samples):
    pcm = sound(kind, seed, samples)
    front = Micro()
    ours = front.features(pcm[None])[0] * np.float32(front.step)
    assert np.array_equal(ours, in_pymicro(pcm))


def test_speech_is_as_in_pymicro_features():
    recordings = speech(60)
    front = Micro()
    ours = front.features(recordings) * np.float32(front.step)
    for features, pcm in zip(ours, recordings, strict=True):
        assert np.array_equal(features, in_pymicro(pcm))


@pytest.mark.parametrize("row", json.loads(FILE.read_text()), ids=lambda row: f"{row['seed']}")
def test_every_setting_is_as_in_tflm(row):
    front = msgspec.convert(row["settings"], Micro)
    made = front.features(sound(row["sound"], row["seed"], front.sample_rate)[None])
    assert hashlib.sha256(made.tobytes()).hexdigest() == row["sha256"]


def all_sounds(samples: int, seed: int) -> np.ndarray:
    return np.stack([sound(kind, seed, samples) for kind in KINDS])


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["gcc", "clang"]))
def test_c_is_equal_at_any_setting(seed, compiler):
    front = drawn(np.random.default_rng(seed))
    raw = all_sounds(front.sample_rate // 2, seed)
    assert np.array_equal(in_c(front, raw, compiler), front.features(raw))


def test_c_is_equal_for_speech():
    raw = speech(40)
    assert np.array_equal(in_c(Micro(), raw), Micro().features(raw))


def test_frame_by_frame_is_as_the_whole():
    raw = all_sounds(16000, 7)
    assert np.array_equal(in_c(Micro(), raw, call=STREAMED), Micro().features(raw))


def test_a_sample_does_not_depend_on_those_beside_it():
    raw = all_sounds(8000, 3)
    apart = np.concatenate([Micro().features(one[None]) for one in raw])
    assert np.array_equal(Micro().features(raw), apart)


def test_features_times_the_step_are_exact():
    every = np.arange(-32768, 32768)
    assert np.array_equal(every * Micro().step, every.astype(np.int16) * np.float32(Micro().step))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"window": 30}, r'frontend.window: unknown key; did you mean "window_ms"\?'),
        ({"scale_shift": 11}, r"frontend.scale_shift: must be a whole number at most 10, not 11"),
        ({"even_smoothing": float("nan")}, r"frontend.even_smoothing: must be a number at least 0.0"),
    ],
)
def test_a_wrong_table_is_one_line(table, said):
    with pytest.raises(ProjectError, match=said):
        decode({"frontend": {"kind": "micro"} | table}, Holder, "pyproject.toml", ProjectError)


class Holder(msgspec.Struct):
    frontend: Micro


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"window_ms": 1, "hop_ms": 1}, "window_ms: 16 samples at 16000 Hz; make it 17 to 4096 samples long"),
        ({"window_ms": 300}, "window_ms: 4800 samples"),
        ({"hop_ms": 31}, "hop_ms: 31 ms is longer than frontend.window_ms"),
        ({"sample_rate": 8000}, "upper_band_limit: 7500 Hz is not between .* 4000 Hz; write"),
        ({"upper_band_limit": 8000.0}, "upper_band_limit: 8000 Hz reaches half .*; write 7920 or less"),
        ({"smoothing_bits": 2}, "smoothing_bits: 2 is less than an FFT of 512 needs; write 3 or more"),
        ({"gain_bits": 12}, "gain_bits: 12 is less than an FFT of 512 needs; write 15 or more"),
    ],
)
def test_settings_that_contradict_each_other_are_one_line(changed, said):
    with pytest.raises(ProjectError, match=said):
        Micro(**changed).shape(Raw((16000,), "int16"))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (Raw((479,), "int16"), "a window of 480 samples is longer than a recording of 479; .* at least 30 ms"),
        (Raw((16000, 2), "int16"), r"int16 samples of one channel, not int16 \[16000, 2\]"),
        (Raw((16000,), "float32"), r"not float32 \[16000\]; give"),
    ],
)
def test_what_is_no_recording_is_one_line(raw, said):
    with pytest.raises(ProjectError, match=said):
        Micro().shape(raw)


@pytest.mark.parametrize("core", ["cortex-m4f", "cortex-m0plus"])
def test_a_core_makes_the_same_features(core):
    if missing():
        pytest.skip(missing())
    raw = all_sounds(16000, 11)
    made, done = on_core(Micro(), raw, core)
    assert np.array_equal(made, Micro().features(raw))
    assert done.instructions < {"cortex-m4f": 7.0e6, "cortex-m0plus": 14.5e6}[core]
    assert done.ram - done.stack < 1536

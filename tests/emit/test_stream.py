"""Streams: C that is fed in pieces answers what NumPy answers to the whole recording, value by value."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stream_probe import build, small_model

from edgekit.config import decode
from edgekit.data.preprocessing import Preprocessing
from edgekit.emit.stream import stream_source
from edgekit.errors import ProjectError
from edgekit.firmware.run import missing
from edgekit.firmware.stream import run_stream
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import LogMel, Mfcc, Micro
from edgekit.frontend.spectral import Spectral
from edgekit.frontend.stream import NOTHING, Plan, Stream, decide, plan
from edgekit.frontend.window import Window
from edgekit.types import TensorSpec

CLASSES = TensorSpec("y", (1, 4), "int8", 1 / 256, -128)
SECOND = Raw((16_000,), "int16")


def sound(samples: int, seed: int) -> np.ndarray:
    """Noise that comes and goes, from silence to clipping."""
    random = np.random.default_rng(seed)
    level = np.interp(np.arange(samples), np.linspace(0, samples, 20), 2 ** random.uniform(0, 16, 20))
    return np.clip(np.round(random.normal(size=samples) * level), -32768, 32767).astype(np.int16)


@st.composite
def streams(draw):
    """A front-end of sound, what the model takes of it, and how its answers are taken."""
    hop = draw(st.integers(2, 50))
    rate, window = 8000, draw(st.integers(20, 100))
    spans = {"sample_rate": rate, "window_ms": window / 8, "hop_ms": hop / 8 * draw(st.integers(1, 4))}
    kind = draw(st.sampled_from(["log-mel", "pcen", "mfcc", "micro"]))
    if kind == "micro":  # in whole ms, and no hop is longer than a window
        limits = {"lower_band_limit": 100, "upper_band_limit": 3000}
        frontend = Micro(
            sample_rate=rate,
            window_ms=draw(st.integers(6, 12)),
            hop_ms=draw(st.integers(1, 6)),
            num_channels=5,
            **limits,
        )
    elif kind == "mfcc":
        frontend = Mfcc(**spans, mel_bands=draw(st.integers(3, 8)), coefficients=3)
    else:
        frontend = LogMel(**spans, mel_bands=4, compression="pcen" if kind == "pcen" else "log")
    frames = draw(st.integers(1, 9))
    raw = Raw((frontend.window + (frames - 1) * frontend.hop + draw(st.integers(0, frontend.hop - 1)),), "int16")
    said = Stream(
        positive=tuple(draw(st.sets(st.integers(0, 3), min_size=1))),
        stride_ms=draw(st.integers(1, 12)) * frontend.hop / rate * 1000,
        smoothing=draw(st.integers(1, 6)),
        threshold=draw(st.floats(0.01, 1)),
        refractory_ms=draw(st.floats(0, 1000)),
    )
    return frontend, raw, said


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(streams(), st.data(), st.sampled_from(["gcc", "clang"]), st.sampled_from(["INT8", "INT16"]))
def test_pieces_of_any_size_answer_what_the_whole_recording_does(stream, data, compiler, dtype):
    frontend, raw, said = stream
    scale = 0.1 if dtype == "INT8" else 0.001
    model = small_model(int(np.prod(frontend.shape(raw))), 4, data.draw(st.integers(0, 99)), scale, dtype)
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder), frontend, raw, said, model, Preprocessing(scale=0.7, offset=-1.5), compiler)
        for seed in range(3):
            recording = sound(data.draw(st.integers(0, 4000)), seed)
            offline = built.offline(recording)
            for pieces in ([], [1] * 300, data.draw(st.lists(st.integers(0, 900), max_size=30))):
                fed = built.fed(recording, pieces)
                for name, wanted in offline._asdict().items():
                    np.testing.assert_array_equal(getattr(fed, name), wanted, name)


def test_a_second_of_speech_features_is_heard_where_it_begins(tmp_path):
    frontend = LogMel(mel_bands=20)
    said = Stream(positive=(1, 2), stride_ms=100, smoothing=3, refractory_ms=700)
    frames, values = frontend.shape(SECOND)
    built = build(tmp_path, frontend, SECOND, said, small_model(frames * values, 4, 1, 0.1))
    offline = built.offline(sound(80_000, 0))
    fed = built.fed(sound(80_000, 0), [333] * 200)
    assert all(np.array_equal(a, b) for a, b in zip(fed, offline, strict=True))
    # The first frame's window ends after 480 samples, the 49th's 48 hops later, then come 5 hops a time.
    assert fed.heard[:3].tolist() == [480 + 48 * 320 + n * 5 * 320 for n in range(3)]
    assert len({*fed.detected} - {NOTHING}) >= 1


@st.composite
def series(draw):
    """A front-end of a series, and how answers are taken."""
    length, stride, channels = (draw(st.integers(*ends)) for ends in ((2, 40), (1, 60), (1, 4)))
    normalize = draw(st.sampled_from(["none", "mean", "standard"]))
    spectral = Spectral(bins=length // 2) if draw(st.booleans()) else None
    frontend = Window(length=length, stride=stride, normalize=normalize, spectral=spectral)
    said = Stream(
        positive=(0, 2),
        sample_rate=50,
        stride_ms=draw(st.integers(1, 3)) * stride / 50 * 1000,
        smoothing=draw(st.integers(1, 4)),
        threshold=draw(st.floats(0.01, 1)),
        refractory_ms=draw(st.floats(0, 5000)),
    )
    return frontend, Raw((length, channels), "int16"), said


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(series(), st.data())
def test_a_series_of_several_channels_does_so_too(stream, data):
    frontend, raw, said = stream
    model = small_model(int(np.prod(frontend.shape(raw))), 3, data.draw(st.integers(0, 99)), 0.05)
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder), frontend, raw, said, model, Preprocessing(scale=0.01))
        recording = sound(data.draw(st.integers(0, 400)) * raw.shape[1], 3).reshape(-1, raw.shape[1])
        offline = built.offline(recording)
        for pieces in ([], [1] * 400, data.draw(st.lists(st.integers(0, 90), max_size=30))):
            fed = built.fed(recording, pieces)
            for name, wanted in offline._asdict().items():
                np.testing.assert_array_equal(getattr(fed, name), wanted, name)


@pytest.mark.parametrize("core", ["cortex-m4f", "cortex-m0plus"])
@pytest.mark.skipif(bool(missing()), reason="no simulated core here")
def test_the_golden_stream_is_answered_alike_on_a_simulated_core(tmp_path, core):
    frontend = LogMel(mel_bands=10)
    raw = Raw((480 + 9 * 320,), "int16")
    said = Stream(positive=(1, 2), stride_ms=60, smoothing=2, refractory_ms=100)
    built = build(tmp_path, frontend, raw, said, small_model(100, 4, 1, 0.1))
    recording = sound(8000, 1)
    ran = run_stream(built.code, built.selftest(recording), core)
    assert ran.differing == 0 and ran.answers == len(built.offline(recording).heard) >= 5
    assert 10_000 < ran.least <= ran.instructions <= ran.most and ran.state > 2 * (480 + 200)
    # A wrong golden answer is found.
    files = built.selftest(recording)
    text = files["m_stream_selftest.c"]
    at = text.index("detected[")
    files["m_stream_selftest.c"] = text[:at] + text[at:].replace("-1,", "2,", 1)
    assert run_stream(built.code, files, core).differing == 1


class TestDecisions:
    def of(self, **changed) -> Plan:
        said = {"positive": (1,), "stride_ms": 100, "threshold": 0.5, "refractory_ms": 300} | changed
        return plan(decode(said, Stream, "pyproject.toml: stream", ProjectError), LogMel(), SECOND, CLASSES)

    def detected(self, column, **changed):
        rows = np.full((len(column), 4), -128)
        rows[:, 1] = column
        return decide(self.of(**changed), rows).detected.tolist()

    def test_a_probability_at_the_threshold_detects_and_one_below_does_not(self):
        assert self.detected([-1, 0, -1]) == [-1, 1, -1]

    def test_after_a_detection_there_is_silence_for_the_refractory_time(self):
        assert self.detected([127] * 9) == [1, -1, -1, -1, 1, -1, -1, -1, 1]
        assert self.detected([127] * 4, refractory_ms=0) == [1] * 4
        assert self.detected([127] * 6, refractory_ms=201) == [1, -1, -1, -1, 1, -1]

    def test_the_mean_of_answers_is_held_against_the_threshold(self):
        assert self.detected([127, -128, 127, 127, -128], smoothing=3) == [-1, -1, 1, -1, -1]

    def test_before_the_first_answer_a_class_has_probability_0(self):
        assert self.detected([127, 127, 127, 127], smoothing=4, threshold=0.7) == [-1, -1, 1, -1]

    def test_of_several_classes_the_highest_is_detected_and_of_equals_the_first(self):
        rows = np.full((3, 4), -128)
        rows[0, 1:3], rows[1, 1:3], rows[2, [1, 3]] = (20, 90), (90, 90), (20, 127)
        assert decide(self.of(positive=(1, 2), refractory_ms=0), rows).detected.tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"positive": ()}, "positive"),
        ({"positive": ("yes",), "theshold": 1}, 'theshold: unknown key; did you mean "threshold"?'),
        ({"positive": ("yas",)}, 'stream.positive: there is no class "yas"; did you mean "yes"?'),
        ({"positive": (4,)}, "stream.positive: there is no class 4; they are 0 to 3"),
        ({"positive": (1,), "stride_ms": 50}, "50 is no multiple of 20 ms, from a window of the front-end to the next"),
        ({"positive": (1,), "stride_ms": 5}, "stream.stride_ms: 5 is no multiple of 20 ms"),
        ({"positive": (1,), "stride_ms": "100 ms"}, "stride_ms: must be a number, not '100 ms'"),
        ({"positive": (1,), "threshold": 1.5}, "must be a number at most 1"),
        ({"positive": (1,), "smoothing": 0}, "must be a whole number at least 1"),
        ({"positive": (1,), "sample_rate": 8000}, "the front-end's is 16000 Hz; remove it"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(said, words):
    with pytest.raises(ProjectError) as problem:
        settings = decode(said, Stream, "pyproject.toml: stream", ProjectError)
        plan(settings, LogMel(), SECOND, CLASSES, ("no", "yes", "up", "down"))
    assert words in str(problem.value) and "\n" not in str(problem.value)


def test_a_model_that_answers_no_classes_is_refused():
    for output in (TensorSpec("y", (1, 4), "float32"), TensorSpec("y", (1, 8, 4), "int8", 0.1)):
        with pytest.raises(ProjectError, match="a row of classes in integers"):
            plan(Stream(positive=(0,)), LogMel(), SECOND, output)


def test_preprocessing_that_differs_from_frame_to_frame_is_refused():
    of = plan(Stream(positive=(0,)), LogMel(), SECOND, CLASSES)
    flat = TensorSpec("x", (1, 49 * 40), "int8", 0.1, 0)
    said = Preprocessing(scale=tuple(0.5 + n / 5000 for n in range(49 * 40)))
    with pytest.raises(ProjectError, match="one value for each feature of a frame"):
        stream_source(of, LogMel(), said, flat, "m")

"""Windows of series: the same in NumPy, in C and on a core, and as near to real numbers as stated."""

import msgspec
import numpy as np
import pytest
from c_probe import in_c
from core_probe import on_core, samples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgekit.config import decode
from edgekit.errors import DataError, ProjectError
from edgekit.firmware.run import missing
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import AnyFrontend
from edgekit.frontend.window import Window, cut

NORMALIZE = ("none", "mean", "deviation", "standard")


def in_reals(window: Window, raw: np.ndarray) -> np.ndarray:
    """Features in float64."""
    x = raw * np.array(window.resolution)
    mean, deviation = x.mean(axis=1, keepdims=True), x.std(axis=1, keepdims=True)
    if window.normalize in ("mean", "standard"):
        x = x - mean
    if window.normalize in ("deviation", "standard"):
        constant = (raw == raw[:, :1]).all(axis=1, keepdims=True)
        x = np.where(constant, 0, x / np.where(constant, 1, deviation))
    return x


@st.composite
def cases(draw) -> tuple[Window, np.ndarray]:
    length, channels = draw(st.integers(1, 60)), draw(st.integers(1, 4))
    resolution = st.floats(0.01, 1.0)
    window = Window(
        length=length,
        normalize=draw(st.sampled_from(NORMALIZE)),
        resolution=draw(st.one_of(resolution, st.tuples(*[resolution] * channels))),
    )
    raw = samples(Raw((length, channels), "int16"), draw(st.integers(0, 2**32 - 1)), 200)
    raw[100:] >>= np.array(draw(st.integers(0, 15)), np.int16)
    return window, raw


def lone(length: int, normalize: str) -> tuple[Window, np.ndarray]:
    """Of all windows the one with a sample that is the farthest from the mean, in deviations."""
    raw = np.full((1, length, 1), -32768, np.int16)
    raw[0, 0] = 32767
    return Window(length=length, normalize=normalize), raw


@example(case=lone(32768, "standard"))
@example(case=lone(32768, "mean"))
@example(case=lone(32768, "deviation"))
@example(case=lone(4, "standard"))
@given(case=cases())
@settings(max_examples=300)
def test_features_are_what_real_numbers_give_to_half_a_step(case):
    window, raw = case
    wanted = np.clip(in_reals(window, raw) / window.step, -32768, 32767)
    assert np.abs(window.features(raw) - wanted).max() <= 0.501


@pytest.mark.parametrize("normalize", ["none", "mean", "standard"])
@given(length=st.integers(2, 32768), resolution=st.floats(1e-9, 1e6))
def test_only_features_divided_by_the_deviation_alone_can_be_too_large(normalize, length, resolution):
    window = Window(length=length, normalize=normalize, resolution=resolution)
    for ends in ((32767, -32768), (-32768, 32767)):
        raw = np.full((1, length, 1), ends[0], np.int16)
        raw[0, :1] = ends[1]
        assert np.abs(window.features(raw) - in_reals(window, raw) / window.step).max() <= 0.501


@example(case=lone(32768, "standard"), compiler="gcc")
@example(case=lone(32768, "mean"), compiler="gcc")
@example(case=lone(32768, "deviation"), compiler="gcc")
@given(case=cases(), compiler=st.sampled_from(["gcc", "clang"]))
@settings(max_examples=20)
def test_c_gives_the_same_bytes(case, compiler):
    window, raw = case
    assert in_c(window, raw, compiler).tobytes() == window.features(raw).tobytes()


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_c_gives_the_same_bytes_of_a_watch(shared, normalize):
    steps = np.array([8 / 32768] * 3 + [32 / 32768] * 3)
    raw = np.clip(np.round(np.load(shared / "watch_activity.npz")["x"] / steps), -32768, 32767).astype(np.int16)
    window = Window(length=100, normalize=normalize, resolution=tuple(steps))
    features = window.features(raw)
    assert in_c(window, raw).tobytes() == features.tobytes()
    assert np.abs(features - np.clip(in_reals(window, raw) / window.step, -32768, 32767)).max() <= 0.501


@pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")
@pytest.mark.parametrize(("core", "most"), [("cortex-m4f", 25_000), ("cortex-m0plus", 120_000)])
def test_cores_give_the_same_bytes(core, most):
    raw = np.random.default_rng(0).integers(-32768, 32768, (10, 100, 6)).astype(np.int16)
    raw[1:3] //= 1000
    raw[3] = 7
    window = Window(length=100, normalize="standard")
    features, done = on_core(window, raw, core)
    assert features.tobytes() == window.features(raw).tobytes()
    assert done.most < most and done.stack < 512


def test_a_channel_that_does_not_change_has_features_of_0():
    raw = np.zeros((1, 50, 2), np.int16)
    raw[0, :, 0], raw[0, ::2, 1] = 1234, 3
    for normalize in ("mean", "deviation", "standard"):
        features = Window(length=50, normalize=normalize).features(raw)
        assert not features[..., 0].any() and features[..., 1].any()


def test_samples_of_a_power_of_two_stay_as_they_are():
    raw = np.arange(-32768, 32768).astype(np.int16).reshape(1, -1, 4)
    window = Window(length=16384, resolution=1 / 4096)
    assert window.step == 1 / 4096 and (window.features(raw) == raw).all()


@pytest.mark.parametrize(
    ("table", "raw", "said"),
    [
        ({"length": 100}, Raw((50, 6), "int16"), "100xCHANNELS int16.*50x6 int16"),
        ({"length": 100}, Raw((100, 6), "float32"), "100xCHANNELS int16.*100x6 float32"),
        ({"length": 100}, Raw((100,), "int16"), "100xCHANNELS int16.*have 100 int16"),
        ({"length": 9, "resolution": [1.0, 1.0]}, Raw((9, 6), "int16"), r"2 values.*6 channels \(9x6\)"),
        ({"length": 9, "resolution": [1e-4, 1.0]}, Raw((9, 2), "int16"), "0.0001 is lost beside one of 1;.*'standard'"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(table, raw, said):
    window = decode(table | {"kind": "window"}, AnyFrontend, "here", ProjectError)
    with pytest.raises(ProjectError, match=said) as refused:
        window.constants(raw)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("table", [{"length": 1}, {"length": 40000}, {"length": 9, "resolution": 0.0}, {}])
def test_settings_out_of_bounds_are_refused(table):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, Window)


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    length=st.integers(2, 20),
    stride=st.one_of(st.none(), st.integers(1, 25)),
)
def test_recordings_are_cut_each_for_itself(sizes, length, stride):
    groups = np.repeat(np.array([f"s{i}" for i in range(len(sizes))]), sizes)
    recording = np.arange(2 * len(groups), dtype=np.int16).reshape(-1, 2)
    window, step = Window(length=length, stride=stride), stride or length
    if max(sizes) < length:
        with pytest.raises(DataError, match=f"has {max(sizes)} samples.*length = {length}"):
            cut(recording, groups, window, "run.csv")
        return
    made = cut(recording, groups, window, "run.csv")
    wanted, names = [], []
    for name in dict.fromkeys(groups):
        part = recording[groups == name]
        for start in range(0, len(part) - length + 1, step):
            wanted.append(part[start : start + length])
            names.append(name)
    assert (made.windows == np.array(wanted)).all() and made.groups.tolist() == names
    assert (recording[made.starts] == made.windows[:, 0]).all()
    assert made.unused == len(set(range(len(recording))) - {v // 2 for v in np.array(wanted).ravel()})

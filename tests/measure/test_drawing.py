"""Samples are drawn as what they are, whatever their shape."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgekit.measure.drawing import LARGEST, POINTS, drawn

RANDOM = np.random.default_rng(0)
LOUD = RANDOM.normal(-20, 9, (49, 40, 1)).astype(np.float32)


def pixels(found):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found["picture"]))))


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (RANDOM.integers(0, 255, (28, 28), np.uint8), "picture"),
        (RANDOM.random((28, 28, 1)), "picture"),
        (RANDOM.random((60, 40, 1)), "picture"),
        (RANDOM.random((8, 8)), "picture"),
        (RANDOM.integers(0, 255, (300, 200, 3), np.uint8), "picture"),
        (RANDOM.normal(size=(32, 32, 3)), "picture"),
        (LOUD, "spectrogram"),
        (LOUD[:30].reshape(30, 1, 40), "spectrogram"),
        (RANDOM.normal(size=(100, 6)), "waveform"),
        (RANDOM.normal(size=(1, 140)), "waveform"),
        (RANDOM.integers(-999, 999, 8000, np.int16), "waveform"),
        (RANDOM.normal(size=4), "values"),
        (np.arange(20), "values"),
        (RANDOM.normal(size=(9, 9, 9, 2)), "values"),
    ],
)
def test_a_shape_tells_how_it_is_drawn(array, kind):
    assert drawn([array])["kind"] == kind


def test_time_runs_from_left_to_right_and_the_lowest_feature_is_at_the_bottom():
    array = np.full((49, 40), -50.0)
    array[40:, :5] = 10  # late and low
    found = pixels(drawn([array]))
    assert found.shape == (40, 49, 3)
    assert found[-2, -2].sum() > 600 > 100 > found[2, 2].sum() and found[2, -2].sum() < 100


def test_a_picture_keeps_its_values_and_is_small():
    array = RANDOM.integers(0, 255, (28, 28), np.uint8)
    assert (pixels(drawn([array])) == array).all()
    assert max(pixels(drawn([RANDOM.integers(0, 255, (400, 300, 3), np.uint8)])).shape) == LARGEST


def test_a_peak_of_a_long_recording_is_seen():
    array = np.zeros(8000)
    array[4321] = 1
    [line] = drawn([array])["series"]
    assert max(line) == 1 and len(line) == 2 * POINTS


def test_of_several_inputs_the_one_that_can_be_drawn_is():
    assert drawn([np.arange(4), RANDOM.normal(size=(100, 3))])["kind"] == "waveform"


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int32, np.float32, np.float16, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=5, max_side=12),
    )
)
def test_anything_is_drawn_somehow(array):
    found = drawn([array])
    assert found[{"picture": "picture", "spectrogram": "picture", "waveform": "series"}.get(found["kind"], "values")]
    assert all(0 <= value <= 1 for line in found.get("series", []) for value in line)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgekit.data.preprocessing import Preprocessing, preprocessed
from edgekit.data.samples import Samples, prepared
from edgekit.data.spec import DataSpec
from edgekit.errors import ProjectError
from edgekit.profile.project import ProjectTable, project_at
from edgekit.types import TensorSpec

IMAGE = TensorSpec("image", (1, 4, 5, 3), "float32")
PIXELS = arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(4), st.just(5), st.just(3)))
NUMBER = st.floats(-100, 100, width=32)


def spec(preprocessing, *inputs):
    return DataSpec("random", "", preprocessing, inputs or (IMAGE,), 2, 1)


@given(PIXELS, st.tuples(NUMBER, NUMBER, NUMBER), st.tuples(*[st.floats(0.125, 100, width=32)] * 3))
def test_each_channel_has_its_own_mean_and_deviation(x, mean, std):
    [found] = prepared(Samples((x,), None), spec(Preprocessing(mean=mean, std=std)))
    for channel in range(3):
        of_one = (x[..., channel] - np.float32(mean[channel])).astype(np.float32) / np.float32(std[channel])
        assert np.array_equal(found[..., channel], of_one) and found.dtype == np.float32


@given(PIXELS, st.tuples(NUMBER, NUMBER, NUMBER), NUMBER)
def test_a_list_and_a_number_go_together(x, scale, offset):
    [found] = prepared(Samples((x,), None), spec(Preprocessing(scale=scale, offset=offset)))
    assert np.array_equal(found, x.astype(np.float32) * np.float32(scale) + np.float32(offset))


def test_the_stored_samples_stay_as_they_are():
    x = np.ones((2, 3), np.float32)
    assert preprocessed(x, Preprocessing(mean=(1.0, 2.0, 3.0))).tolist() == [[0, -1, -2]] * 2 and (x == 1).all()


def test_grey_images_that_lack_the_channel_axis_have_one_channel():
    grey = TensorSpec("image", (1, 4, 4, 1), "float32")
    [found] = prepared(Samples((np.full((2, 4, 4), 8),), None), spec(Preprocessing(mean=(6.0,), std=2.0), grey))
    assert (found == 1).all() and found.shape == (2, 4, 4, 1)


def test_a_list_that_is_not_of_the_models_channels_is_named_with_both_counts():
    said = Preprocessing(mean=(0.5, 0.5), std=1.0).misfit((TensorSpec("ids", (1, 9), "int32"), IMAGE))
    assert said.startswith(".mean: 2 numbers, but the model's input 'image' has 3 channels")
    assert not Preprocessing(scale=(1.0, 2.0, 3.0), offset=1.0).misfit((IMAGE,))


@pytest.mark.parametrize(
    "said, problem",
    [
        ({"scale": 2.0, "mean": 1.0}, "preprocessing: scale and mean are of two forms; write"),
        ({"std": [1.0, 0.0]}, "preprocessing.std: holds 0"),
        ({"mean": [float("nan")]}, "preprocessing.mean: holds NaN"),
        ({"scale": []}, "preprocessing.scale: an empty list"),
        ({"mean": "1"}, "preprocessing.mean: "),
    ],
)
def test_what_is_wrong_with_it_is_one_line(said, problem, tmp_path):
    table = ProjectTable(models={"net": {"model": "net.keras", "preprocessing": said}})
    with pytest.raises(ProjectError) as refused:
        project_at(tmp_path, table)
    assert f"tool.edgekit.models.net: {problem}" in str(refused.value).replace("net.pre", "net: pre")
    assert "\n" not in str(refused.value)

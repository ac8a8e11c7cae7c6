import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgekit.compress.masks import magnitude_mask, shares_of_smallest, two_of_four_mask

KERNELS = arrays(np.float32, array_shapes(min_dims=2, max_dims=4, max_side=9), elements=st.floats(-9, 9, width=32))


@given(KERNELS, st.floats(0, 0.99))
def test_the_count_is_exact_and_the_smallest_go(kernel, sparsity):
    mask = magnitude_mask(kernel, sparsity)
    assert mask.size - mask.sum() == round(sparsity * kernel.size)
    assert np.abs(kernel[~mask]).max(initial=0) <= np.abs(kernel[mask]).min(initial=99)


def test_of_equal_weights_the_earlier_stay():
    assert magnitude_mask(np.array([1.0, -1.0, 1.0, 2.0]), 0.5).tolist() == [True, False, False, True]


@given(KERNELS)
def test_two_of_every_four_stay_and_they_are_the_largest(kernel):
    mask = two_of_four_mask(kernel)
    whole = kernel.shape[-2] // 4 * 4
    rows, kept = (np.moveaxis(a, -2, -1) for a in (np.abs(kernel), mask))
    groups = kept[..., :whole].reshape(-1, 4)
    assert (groups.sum(axis=1) == 2).all()
    assert kept[..., whole:].all()
    sizes = rows[..., :whole].reshape(-1, 4)
    assert all(size[~stay].max() <= size[stay].min() for size, stay in zip(sizes, groups, strict=True))


def test_four_by_hand():
    kernel = np.array([[3.0], [-4.0], [1.0], [2.0], [9.0]])
    assert two_of_four_mask(kernel).ravel().tolist() == [True, True, False, False, True]


def test_shares_of_the_smallest_by_hand():
    values = {"a": np.array([1.0, 2.0, 9.0, 10.0]), "b": np.array([0.5, 0.1, 0.2, 8.0, 7.0, 6.0])}
    assert shares_of_smallest(values, 0.5) == {"a": 0.5, "b": 0.5}
    assert shares_of_smallest(values, 0.3) == {"a": 0.0, "b": 0.5}


def test_no_layer_is_emptied():
    values = {"small": np.array([0.1, 0.2]), "large": np.array([5.0, 6.0, 7.0, 8.0])}
    assert shares_of_smallest(values, 0.5) == {"small": 0.5, "large": pytest.approx(0.25)}

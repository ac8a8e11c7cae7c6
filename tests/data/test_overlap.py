import time

import numpy as np

from edgekit.data.overlap import overlap
from edgekit.data.samples import Samples


def samples(*x):
    return Samples(tuple(map(np.asarray, x)), None)


def test_counts_the_evaluation_samples_that_are_in_the_training_set():
    train = samples(np.arange(12).reshape(4, 3))
    assert overlap(train, samples(np.arange(12, 24).reshape(4, 3))) == 0
    assert overlap(train, samples([[3, 4, 5], [3, 4, 6], [0, 1, 2], [0, 1, 2]])) == 3


def test_all_inputs_of_a_sample_have_to_be_the_same():
    train = samples([[1], [2]], [[1.0], [2.0]])
    assert overlap(train, samples([[1], [2]], [[2.0], [1.0]])) == 0
    assert overlap(train, samples([[1], [2]], [[1.0], [1.0]])) == 1


def test_labels_do_not_count():
    x = np.zeros((1, 2))
    assert overlap(Samples((x,), np.array([0])), Samples((x,), np.array([1]))) == 1


def test_arrays_in_any_order_of_memory():
    x = np.arange(6).reshape(2, 3)
    assert overlap(samples(np.asfortranarray(x)), samples(x)) == 2


def test_is_fast_for_as_many_images_as_mnist_has():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60_000, 28, 28), np.uint8)
    begun = time.process_time()
    assert overlap(samples(images[:50_000]), samples(images[49_000:])) == 1_000
    assert time.process_time() - begun < 3

"""Runtimes held against each other, and golden vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from make_graph import Graph

from edgekit.engine import worker
from edgekit.flatbuffer.read import read_graph
from edgekit.flatbuffer.taps import tapped
from edgekit.measure.conformance import agree, first_divergence
from edgekit.measure.golden import MOST, choose
from edgekit.measure.record import record


@pytest.fixture
def model(shared):
    return shared / "models/tflite/wake_word_int8.tflite"


def saved(folder, name, **columns):
    np.savez(folder / name, **columns)
    return str(folder / name)


def test_differences_are_counted_in_steps_of_the_stored_value(model, tmp_path):
    ours = np.array([[[-128, 127]], [[0, 0]], [[5, 9]], [[1, 2]]], np.int8)
    theirs = np.array([[[127, -128]], [[0, 0]], [[5, 8]], [[1, 2]]], np.int8)
    files = [saved(tmp_path, f"{n}.npz", output_0=array) for n, array in enumerate((ours, theirs))]
    for n, array in enumerate((ours, theirs)):
        np.save(tmp_path / f"{n}.npy", array[:, 0].astype(np.float32))
    first, second = (str(tmp_path / f"{n}.npy") for n in (0, 1))
    found = agree.run("", str(model), files[0], first, files[1], second, "other 1.0")
    assert (found.samples, found.identical, found.unit, found.runtime) == (4, 50.0, "LSB", "other 1.0")
    assert (found.largest, found.mean, found.churn) == (255, (255 + 255 + 1) / 8, 25.0)
    assert found.differing == (0, 2), "those that differ most come first"
    assert found.churn_low < 25 < found.churn_high


def test_equal_runtimes_agree(model, tmp_path):
    output = saved(tmp_path, "o.npz", output_0=np.array([[[1, 2]]], np.int8))
    np.save(tmp_path / "p.npy", np.zeros((1, 2), np.float32))
    found = agree.run("", str(model), output, str(tmp_path / "p.npy"), output, str(tmp_path / "p.npy"), "other 1.0")
    assert (found.identical, found.largest, found.differing) == (100, 0, ())


@pytest.fixture
def inputs(model, tmp_path):
    spec = read_graph(model).inputs[0]
    values = np.random.default_rng(0).integers(-128, 127, (3, *spec.shape), np.int8)
    return saved(tmp_path, "inputs.npz", input_0=values)


def recorded(model, inputs, runtime, folder):
    folder.mkdir()
    assert worker.call(record, str(folder), str(model), inputs, runtime, returns=bool), "looking changes nothing"
    with np.load(folder / "tensors.npz") as file:
        return dict(file)


@pytest.mark.parametrize("runtime", ["litert", "litert-reference", "tflite-runtime", "tflm"])
def test_every_runtime_hands_out_what_every_operator_makes(model, inputs, tmp_path, runtime):
    tensors = recorded(model, inputs, runtime, tmp_path / runtime)
    graph = read_graph(model)
    assert set(tensors) == {f"tensor_{i}" for op in graph.operators for i in op.outputs}
    for name, array in tensors.items():
        assert array.shape == (3, *graph.tensors[int(name.split("_")[1])].shape)


def test_the_first_operator_that_differs_is_named(model, inputs, tmp_path):
    ours = recorded(model, inputs, "tflm", tmp_path / "tflm")
    operators = read_graph(model).operators
    wrong = operators[2].outputs[0]
    theirs = {name: array.copy() for name, array in ours.items()}
    value = theirs[f"tensor_{wrong}"].reshape(3, -1)
    value[1, 7] += np.int8(-3) if value[1, 7] > 0 else np.int8(3)
    files = [saved(tmp_path, name, **columns) for name, columns in (("a.npz", ours), ("b.npz", theirs))]
    (found,) = first_divergence.run("", model, None, *files)
    assert (found.operator, found.kind, found.samples, found.largest) == (2, operators[2].name, 1, 3)
    assert found.layer in read_graph(model).tensors[wrong].name
    assert found.share == pytest.approx(100 / value.size)
    assert first_divergence.run("", str(model), None, files[0], files[0]) == []


def test_a_tapped_model_keeps_its_own_outputs_first(model):
    content, indices = tapped(model.read_bytes())
    assert len(content) > 0
    graph = read_graph(model)
    assert len(indices) == len({i for op in graph.operators for i in op.outputs})
    assert indices[0] == graph.operators[-1].outputs[0]


small = st.integers(1, 20).flatmap(
    lambda n: st.integers(1, 8).flatmap(lambda t: arrays(np.int8, (2, n, t), elements=st.integers(-3, 3)))
)


@given(small)
def test_golden_samples_reach_what_any_sample_reaches(ends):
    lows, highs = ends.min(axis=0), ends.max(axis=0)
    chosen, reached = choose(lows, highs)
    assert len(set(chosen)) == len(chosen) <= max(MOST, 4)
    best = np.concatenate([lows.min(axis=0), highs.max(axis=0)])
    got = np.concatenate([lows[chosen].min(axis=0), highs[chosen].max(axis=0)])
    if len(chosen) < MOST:
        assert (got == best).all() and reached == len(best)
    else:
        assert reached <= (got == best).sum()


def test_what_is_no_number_in_one_runtime_differs_and_can_be_written_down(tmp_path):
    ours = np.array([[np.nan, 1.0]], np.float32)
    found = part_of(tmp_path, ours, np.array([[2.0, 1.0]], np.float32))
    assert len(found) == 1 and found[0].share == 50 and np.isfinite(found[0].largest)
    assert part_of(tmp_path, ours, ours) == []


def part_of(tmp_path, ours, theirs):
    """Two values of the only operator, of a constant and of an input, in two runtimes."""
    g = Graph()
    x = g.input([1, 2], 0.0, dtype="FLOAT32")
    constant = g.operator(
        "DEQUANTIZE", [g.constant(np.ones((1, 2), np.int8), 0.1)], [g.tensor([1, 2], 0, 0, "FLOAT32")]
    )
    made = g.operator("ADD", [x, constant], [g.tensor([1, 2], 0, 0, "FLOAT32")], "AddOptions")
    (tmp_path / "m.tflite").write_bytes(g.finish(made))
    both = [
        saved(tmp_path, f"{n}.npz", **{f"tensor_{made}": array, f"tensor_{constant}": array + n})
        for n, array in enumerate((ours, theirs))
    ]
    return first_divergence.run("", tmp_path / "m.tflite", None, *both)

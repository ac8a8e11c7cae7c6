"""The float `.tflite` against the model as it was given: which of them is the reference, and what is said."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.engine.make import Maker, Scope
from edgekit.engine.store import Store
from edgekit.files import sha256
from edgekit.measure.accuracy import score_file
from edgekit.measure.original import answer_file
from edgekit.model.read import load_file
from edgekit.quantize.convert import convert_file
from edgekit.report.progress import Progress
from edgekit.runtimes import BASELINE, engine
from edgekit.stages.reference import settle
from edgekit.types import FLOAT, KERAS, Artifact, Reading


@pytest.fixture(scope="module")
def files(once) -> Path:
    def fill(folder):
        done = subprocess.run([sys.executable, Path(__file__).with_name("make_references.py"), folder])
        assert done.returncode == 0

    return once("references", fill)


@pytest.fixture(scope="module")
def maker(once):
    with Maker(Store(once("reference store", lambda folder: None)), Progress(quiet=True)) as maker:
        yield maker


@pytest.fixture(scope="module")
def settled(files, maker):
    """A function that settles the reference of a model, by the name of its file and, if it is another, of its graph."""

    def run(file, graph=None, shown=(BASELINE,)):
        name = file.partition(".")[0]
        loaded, original = original_of(file)
        float_graph = loaded.artifacts.get(FLOAT) or make(convert_file(loaded.artifact, "")).artifact
        if graph:
            float_graph = make(convert_file(original_of(graph)[0].artifact, "")).artifact
        data = data_of(name, loaded.value)

        def score(name, graph, runtime, answers, **named):
            return score_file(graph, data, runtime, 1, answers, **named).on(engine(runtime)).named(name)

        def kept(call, artifact, runtime="", promised=()):
            return make(call)

        return settle(float_graph, original, data, score, BASELINE, shown, kept, scope)

    scope = Scope(maker, "test")
    make = scope.make

    def data_of(name, facts):
        path = files / f"{name}.npz"
        return DataSpec(str(path), sha256(path), Preprocessing(), facts.inputs, 1, 0, outputs=facts.outputs)

    def original_of(file):
        path = files / file
        source = Artifact("keras", str(path), 0, sha256(path))
        loaded = make(load_file(source, Reading()))
        if path.suffix == ".tflite":
            return loaded, None
        data = data_of(path.stem, loaded.value)
        return loaded, make(answer_file(loaded.artifacts.get(KERAS), source, Reading(), data))

    return run


@pytest.mark.parametrize("file", ["heads.keras", "sequence.keras", "graph"])
def test_a_model_that_was_converted_rightly_is_its_own_reference(settled, file):
    found = settled(file)
    [figure] = found.found
    assert figure.name == "float_sqnr" and figure.value > 80 and found.notes == ()
    with np.load(found.answers.path) as answers:
        assert len(answers.files) == (2 if file == "heads.keras" else 1)
        assert all(len(answers[name]) == 80 for name in answers.files)


def test_a_runtime_that_computes_otherwise_is_named_with_the_operator_and_is_no_reference(settled):
    found = settled("twisted.keras")
    [figure], [note] = found.found, found.notes
    assert figure.value < 20 and "litert" in figure.reason and "BATCH_MATMUL" in figure.reason
    assert "TensorFlow and LiteRT's plain kernels agree" in note
    file = settled("twisted.tflite")
    assert file.found[0].value < 20 and "BATCH_MATMUL" in file.notes[0]
    with np.load(found.answers.path) as ours, np.load(file.answers.path) as theirs:
        assert np.allclose(ours["output_0"], theirs["output_0"], atol=1e-5)  # of Keras and of the plain kernels


def test_the_fault_of_a_runtime_that_the_target_does_not_name_is_told_and_does_not_count(settled):
    found = settled("twisted.keras", shown=("tflm",))
    assert found.found == () and "BATCH_MATMUL" in found.notes[0]


def test_a_graph_that_is_another_in_every_runtime_was_converted_wrongly(settled):
    found = settled("sequence.keras", graph="other.keras")
    [figure], [note] = found.found, found.notes
    assert figure.value < 40 and "in every runtime" in figure.reason and "converted wrongly" in note

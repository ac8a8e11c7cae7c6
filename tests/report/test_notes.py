"""Notes say what to do, and go away once it is done; what cannot be changed is a remark."""

from pathlib import Path

import numpy as np
import pytest
from msgspec import Struct

from edgekit.compress.prune import Prune
from edgekit.data.check import check_data
from edgekit.data.spec import DataSpec
from edgekit.errors import SetupError
from edgekit.profile.profiles import load_single
from edgekit.profile.project import find_project
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.runtimes import available as place
from edgekit.runtimes.available import available
from edgekit.runtimes.settings import Runtimes
from edgekit.stages.compress import _skipped
from edgekit.stages.goal import to_goal
from edgekit.stages.report import notes_of
from edgekit.types import Artifact, ModelFacts, Remark, TensorSpec

ROOT = Path(__file__).parents[2]


def spec(file: Path, **more) -> DataSpec:
    return DataSpec(str(file), "", "", (TensorSpec("x", (1, 4), "float32"),), 2, 0, **more)


@pytest.fixture
def data(tmp_path):
    """`data(**arrays)` writes a dataset of 20 and 10 samples, with changes, and gives what is said of it."""
    rng = np.random.default_rng(0)
    whole = {
        "x_train": rng.random((20, 4), np.float32),
        "y_train": np.arange(20) % 2,
        "x_test": rng.random((10, 4), np.float32),
        "y_test": np.arange(10) % 2,
    }

    def said(without=(), **changes):
        np.savez(tmp_path / "d.npz", **{k: v for k, v in (whole | changes).items() if k not in without})
        return check_data.run(str(tmp_path), spec(tmp_path / "d.npz"))

    return said


def test_a_dataset_in_order_has_no_note(data):
    found = data()
    assert found.notes == found.remarks == ()


def test_labels_clear_the_note_that_they_are_missing(data):
    [note] = data(without=("y_train", "y_test")).notes
    assert "add y_test" in note


def test_apart_samples_clear_the_note_on_the_overlap(data):
    x = np.random.default_rng(0).random((20, 4), np.float32)
    [note] = data(x_test=x[:10]).notes
    assert note == "10 of 10 evaluation samples are also training samples; take them out of one of the two"


class Result:
    """What a stage gave."""

    def __init__(self, value):
        self.row, self.value = type("Row", (), {"name": "a stage"}), value


class Facts:
    notes = ("too few; give more",)
    remarks = ("what was done",)


def test_what_stages_say_is_kept_apart():
    said = notes_of([Result(Facts()), Result("left as it was"), Result(""), Result(None)])
    assert said == ["a stage: too few; give more", "a stage: what was done", "a stage: left as it was"]
    assert [isinstance(text, Remark) for text in said] == [False, True, True]


def test_a_recipe_without_what_was_skipped_clears_the_note():
    facts = ModelFacts("float", "tflite", (), (), 1, 1, "a .tflite is a graph")
    assert _skipped(None, Recipe(prune=None), facts) == []
    [note] = _skipped(None, Recipe(prune=Prune(sparsity=0.5)), facts)
    assert note.endswith("; give the Keras model, or set recipe.prune = false")


def test_a_runtime_that_is_not_there_can_be_taken_out(monkeypatch):
    def stand_in(name):
        if name == "tflite-runtime":
            raise SetupError("the runtime tflite-runtime is not installed: pip install tflite-runtime")
        return ("litert", "has no release; its successor ran in its place") if name == "old" else (name, "")

    monkeypatch.setattr(place, "stand_in", stand_in)
    [note] = available(Runtimes(ship="litert", compare=("tflite-runtime",))).notes
    assert "pip install" in note and note.endswith("or take it out of runtimes.compare")
    assert available(Runtimes(ship="litert")).notes == []


class Made(Struct):
    """Of a product what the goal looks at: of a model whose size follows from its clusters."""

    target: Target
    shipped: Artifact
    notes: list[str] = []


@pytest.mark.parametrize(("goal", "reached"), [("4 kB", True), ("10 B", False)])
def test_a_goal_that_is_reached_is_a_remark_and_one_that_is_not_says_what_to_do(goal, reached):
    sets = ("recipe.cluster.clusters=8", f"recipe.cluster.goal={goal}", "recipe.shrink.lookup_tables=true")
    target = load_single(["microcontroller"], find_project(ROOT).target_folders, (*sets, "budget.arena=40 KiB"))

    def produce(tried):
        return Made(tried, Artifact("tflite", "", 1000 * tried.recipe.cluster.clusters, ""))

    [said] = to_goal(target, produce).notes
    assert isinstance(said, Remark) == reached
    assert reached or said.endswith("raise recipe.cluster.goal")

"""A technique is one file and one line: what docs/contributing.md says of adding one, done and built."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from binarize import Binarize
from msgspec.structs import replace

from edgekit.build import build, produce
from edgekit.config import decode
from edgekit.engine.make import Maker
from edgekit.engine.store import Store
from edgekit.errors import RecipeError, TargetError
from edgekit.flatbuffer.edit import constants
from edgekit.flatbuffer.linear import linear_layers
from edgekit.profile.profiles import check_recipe, load_target
from edgekit.profile.project import Project, select_models
from edgekit.profile.recipe import Recipe
from edgekit.report.progress import Progress

ROOT = Path(__file__).parents[2]


class Own(Recipe, frozen=True):
    binarize: Binarize | None = None


def recipe(**tables):
    return decode(tables, Own, "own.toml", TargetError)


def target(recipe):
    return replace(load_target("phone", [ROOT / "targets"], ("runtimes.compare=[]",)), recipe=recipe)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "assets", root / "assets")
    return Project(root, {}, [])


@pytest.fixture(scope="module")
def specs(project):
    assets = project.root / "assets"
    return select_models(project, str(assets / "digits.keras"), str(assets / "digits.npz"))


@pytest.mark.slow
def test_a_technique_that_is_added_is_built_measured_and_cached(project, specs, tmp_path):
    own = target(recipe(binarize={"epochs": 1}, quantize={"calibration_samples": 64}))
    [report], [again] = (build(project, [(specs[0], own)], tmp_path / n, (), Progress(quiet=True)) for n in "ab")
    rows = {row.name: row for row in report.stages}
    assert list(rows)[1:4] == ["reference", "binarize", "convert"] and rows["binarize"].accuracy > 90
    assert {row.status for row in again.stages} == {"cached"}
    content = (tmp_path / "a/phone/digits/model.tflite").read_bytes()
    [dense] = [layer for layer in linear_layers(content) if layer.kind == "dense"]
    assert {len(np.unique(row)) for row in constants(content)[dense.weights]} == {2}


def test_a_model_that_does_not_allow_it_is_refused_before_any_training(project, specs):
    with Maker(Store(project.store), Progress(quiet=True)) as maker:
        with pytest.raises(RecipeError, match=r"^recipe\.binarize: no dense layer is left to binarize; set"):
            produce(specs[0], target(recipe(binarize={"protect": ["last"]})), maker)
        with pytest.raises(RecipeError, match=r'binarize\.exclude: no layer with weights matches "digits"; did'):
            produce(specs[0], target(recipe(binarize={"exclude": ["digits"]})), maker)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"binarise": {}}, 'binarise: unknown key; did you mean "binarize"'),
        ({"binarize": {"epoch": 1}}, 'binarize.epoch: unknown key; did you mean "epochs"'),
        (
            {"binarize": {}, "order": ["binarise"]},
            'order: unknown technique "binarise"; did you mean "binarize"',
        ),
        ({"binarize": {}, "prune": {"sparsity": 0.5}, "order": ["prune"]}, "recipe.order: leaves out binarize"),
        ({"distil": {"during": ["distil"]}}, 'recipe.distil.during: unknown technique "distil"; choose from binarize'),
    ],
)
def test_what_a_recipe_says_wrongly_of_it_is_refused(tables, said):
    with pytest.raises(TargetError) as refused:
        check_recipe(recipe(**tables), "own.toml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("student", "order"), [("model", "prune binarize distil qat"), ("a:b", "distil prune binarize qat")]
)
def test_it_comes_before_what_trains_what_ships(student, order):
    tables = {"binarize": {}, "prune": {"sparsity": 0.5}, "qat": {}, "distil": {"student": student}}
    assert list(recipe(**tables).techniques) == order.split()
    assert list(recipe(**tables, order=order.split()[::-1]).techniques) == order.split()[::-1]

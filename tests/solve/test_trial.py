"""A trial is plain data, so that it can be made anywhere."""

import pickle
from pathlib import Path

import msgspec

from edgekit.config import decode, encode
from edgekit.errors import TargetError
from edgekit.profile.profiles import load_target
from edgekit.profile.project import find_project, select_model
from edgekit.profile.target import Target
from edgekit.solve.space import ChannelGroup, ModelFacts, recipe_of, space_of
from edgekit.solve.trial import Job
from edgekit.solve.trials import said
from edgekit.types import Reading

PROJECT = find_project(Path(__file__).parent)


def job() -> Job:
    spec = select_model(PROJECT, None, None, Reading())
    target = load_target("microcontroller", PROJECT.target_folders, (), spec=spec)
    space = space_of(ModelFacts((ChannelGroup(("conv1",), 32, 288),), 1, 1), None, target)
    recipe = recipe_of(space, {"width of conv1": 6, "qat": "yes", "learning_rate": 0.0012345}, 9, target.solve)
    return Job(spec, target).having(recipe)


def test_it_survives_pickle_and_json():
    made = job()
    assert pickle.loads(pickle.dumps(made)) == made
    sent = msgspec.json.decode(msgspec.json.encode(made, enc_hook=float))
    assert msgspec.convert(sent["spec"], type(made.spec)) == made.spec
    assert sent["target"]["recipe"]["channels"]["widths"] == {"conv1": 6}


def test_what_is_said_of_its_recipe_is_the_whole_recipe():
    recipe = job().target.recipe
    assert decode(msgspec.json.decode(msgspec.json.encode(said(recipe))), type(recipe), "trial", TargetError) == recipe
    assert "seed" not in said(recipe) and encode(Target.__name__) == "Target"

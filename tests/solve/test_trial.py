"""A trial is plain data, so that it can be made anywhere."""

import pickle
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edgekit.config import decode, encode
from edgekit.errors import TargetError
from edgekit.profile.profiles import load_target
from edgekit.profile.project import find_project, select_model
from edgekit.profile.target import Target
from edgekit.solve.judged import Judge
from edgekit.solve.space import ChannelGroup, ModelFacts, recipe_of, space_of
from edgekit.solve.trial import Job
from edgekit.solve.trials import Trials, _lowest, said
from edgekit.solve.types import Outcome
from edgekit.types import BudgetLine, Measurement, Reading

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


def trials() -> Trials:
    made = job()
    space = space_of(ModelFacts((ChannelGroup(("conv1",), 32, 288),), 1, 1), None, made.target)
    return Trials(made, space, Judge(made.target, "tflm"), [1], None)


@pytest.mark.parametrize(
    ("name", "limit", "value", "unit", "may"),
    [
        ("instructions", 80_465, 88_634, "", True),  # one architecture with two seeds
        ("instructions", 1_170_814, 1_403_036, "", True),  # depthwise layers with the longer rounding
        ("instructions", 80_000, 160_000, "", False),
        ("flash", 12_520, 13_672, "B", True),
        ("flash", 120_000, 132_000, "B", False),
        ("model_size", 20_000, 20_001, "B", False),
    ],
)
def test_nothing_is_dropped_for_a_cost_that_other_weights_may_lower(name, limit, value, unit, may):
    assert trials().may_hold([BudgetLine(name, limit, value, unit, None, "fail", "measured")]) == may


def test_nothing_is_beaten_by_less_than_other_weights_may_change():
    found = _lowest(Measurement("instructions", 1_403_036, ""))
    assert found.value < 1_170_814
    size = Measurement("model_size", 19_000, "B")
    assert _lowest(size) == size


def ended(number, early, full, error=0.4):
    """A trial in full that was so many points short after 4 epochs, and in the end."""
    accuracy = Measurement("accuracy", 98.0, "%", low=98 - 2 * error, high=98 + 2 * error)
    return Outcome(number, {}, {}, "trained", 36, [accuracy], [], full <= 0, full, 1.0, rungs={4: early, 36: full})


@pytest.mark.parametrize(
    ("known", "stopped"),
    [
        ([(0.5, 1.0), (0.5, 1.0)], False),  # two are too few
        ([(0.5, 1.0), (0.5, 1.0), (0.9, 0.9)], True),
        ([(0.5, 1.0), (0.5, 1.0), (1.1, 0.9)], False),  # the third was worse then
        ([(0.5, 1.0), (0.5, 1.0), (0.5, 0.3)], False),  # missed by less than a standard error
        ([(0.5, 1.0), (0.5, 1.0), (0.9, 0.9), (2.0, -0.1)], False),  # it was far worse, and holds
        ([(0.5, 1.0), (0.5, 1.0), (0.9, 0.9), (2.0, 0.2)], False),
        ([(0.5, 1.0), (0.5, 1.0), (0.9, 0.9), (0.2, -0.1)], True),  # only what was better holds
    ],
)
def test_a_training_ends_early_only_where_several_that_were_no_worse_clearly_missed(known, stopped):
    made = trials()
    target = replace(made.job.target, solve=replace(made.job.target.solve, minimize="model_size"))
    outcomes = [ended(n, *figures) for n, figures in enumerate(known)]
    made = Trials(made.job, made.space, Judge(target, "tflm"), [4, 12, 36], None, outcomes)
    assert bool(made._hopeless(4, 1.0, [])) == stopped
    assert made._hopeless(12, 1.0, []) == ""


@pytest.mark.parametrize(
    ("known", "stopped"),
    [
        ([], False),
        ([(9_000, 0.5)], True),  # cheaper, and better
        ([(11_000, 0.5)], False),  # better, but it costs more
        ([(9_000, 1.5)], False),
        ([(9_000, 0.5), *[(9_500, 2.0)] * 5], False),  # among the best third of seven
        ([(9_000, 0.5), (9_000, 0.6), *[(9_500, 2.0)] * 5], True),
    ],
)
def test_where_accuracy_is_to_be_high_a_training_is_held_against_what_costs_no_more(known, stopped):
    made = trials()
    assert not made.judge.target.solve.costs

    def sized(size):
        return [Measurement(name, size, "B") for name in made.judge.costs]

    outcomes = [
        msgspec.structs.replace(ended(n, early, 1.0), measurements=sized(s)) for n, (s, early) in enumerate(known)
    ]
    made = Trials(made.job, made.space, made.judge, [4, 12, 36], None, outcomes)
    assert bool(made._hopeless(4, 1.0, sized(10_000))) == stopped

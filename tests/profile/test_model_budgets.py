"""What a model may cost on a target, said in pyproject.toml."""

import pytest

from edgekit.errors import ProjectError, TargetError
from edgekit.profile.places import limit_places
from edgekit.profile.profiles import load_pairs, load_target
from edgekit.profile.project import find_project, select_models
from edgekit.types import Reading

BOARD = """
description = "A board"
[recipe.quantize]
[runtimes]
ship = "litert"
[budget]
model_size = "10 KiB"
accuracy_drop = "1 %"
levels = { accuracy_drop = "warn" }
"""
MODEL = """
[tool.edgekit.models.cat]
model = "cat.keras"
data = "random"
[tool.edgekit.models.dog]
model = "dog.keras"
data = "random"
"""


@pytest.fixture
def project(tmp_path):
    """A function that writes a project with limits of its models and returns it."""

    def write(limits="", board=BOARD):
        (tmp_path / "targets").mkdir(exist_ok=True)
        (tmp_path / "targets/board.toml").write_text(board)
        (tmp_path / "pyproject.toml").write_text(MODEL + limits)
        return find_project(tmp_path)

    return write


def of_cat(project, *overrides):
    return load_pairs(project, select_models(project, "cat", None, Reading()), ["board"], overrides)[0][1]


def test_limits_of_a_model_go_over_those_of_the_target_and_are_its_own(project):
    own = project('[tool.edgekit.models.cat.budgets.board]\nmodel_size = "5 KiB"\nchurn = "2 %"\nmacs = "+5 %"')
    (cat, for_cat), (dog, for_dog) = load_pairs(own, select_models(own, None, None), ["board"])
    assert (cat.name, dog.name) == ("cat", "dog")
    assert (for_cat.budget.model_size, for_cat.budget.churn, for_cat.budget.accuracy_drop) == (5 * 1024, 2, 1)
    assert for_cat.budget.macs.change == "%"
    assert (for_dog.budget.model_size, for_dog.budget.churn) == (10 * 1024, None)
    assert for_dog == load_target("board", own.target_folders) and for_cat.sha256 != for_dog.sha256


def test_set_goes_over_both_and_leaves_the_other_models_alone(project):
    own = project(
        '[tool.edgekit.models.cat.budgets.board]\nmodel_size = "5 KiB"', BOARD.replace("[budget]", "[budget]")
    )
    assert of_cat(own, "budget.model_size=3 KiB").budget.model_size == 3 * 1024
    assert of_cat(own).budget.model_size == 5 * 1024


def test_levels_waivers_and_limits_of_the_build_host_can_be_said_too(project):
    budget = of_cat(
        project(
            '[tool.edgekit.models.cat.budgets.board]\nlatency = "5 ms"\nresident_memory = "9 MiB"\n'
            'on_host = ["latency"]\nlevels = { latency = "warn" }\n'
            'waivers = [{ name = "model_size", reason = "new head", until = 2999-01-01 }]'
        )
    ).budget
    assert budget.levels == {"latency": "warn", "accuracy_drop": "warn"}
    assert budget.on_host == ("latency",) and budget.waivers[0].name == "model_size"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("bord]\nmacs = 1", r'models\.cat\.budgets\.bord: unknown target "bord"; did you mean "board"\?'),
        ('board]\nmodl_size = "1 B"', r'budgets\.board: modl_size: unknown key; did you mean "model_size"\?'),
        ('board]\nmodel_size = "5 m"', r"budgets\.board: model_size: .*no unit of size"),
        ("board]\nlevels = { churn = 3 }", r"budgets\.board: levels"),
    ],
)
def test_a_wrong_target_key_or_value_is_refused_with_its_place(project, limits, words):
    with pytest.raises(ProjectError, match=words):
        project(f"[tool.edgekit.models.cat.budgets.{limits}")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ('npu_coverage = "100 %"', "needs hardware.npu"),
        ('on_host = ["latency"]', 'no limit "latency" is set'),
        ('accuracy = "+1 %"', "for what should be small"),
    ],
)
def test_what_the_target_does_not_allow_is_refused_with_both_places(project, limits, words):
    own = project(f"[tool.edgekit.models.cat.budgets.board]\n{limits}")
    with pytest.raises(TargetError, match=rf"targets/board\.toml with .*models\.cat\.budgets\.board: .*{words}"):
        of_cat(own)


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        ('[tool.edgekit.models.cat.budgets.board]\nmacs = 9\nmodel_size = "5 KiB"', 10),
        ('[tool.edgekit.models.cat.budgets]\n"board" . model_size = "5 KiB"', 9),
        ('[tool.edgekit.models.cat.budgets]\nboard = { model_size = "5 KiB" }', 0),
    ],
)
def test_the_place_of_each_limit_is_known(project, limits, line):
    own, set_here = project(limits), ("budget.arena=1 MiB", "budget.macs=5", "runtimes.ship=tflm")
    target = of_cat(own, *set_here)
    places = limit_places(target, own.models["cat"], own, set_here)
    size = places["model_size"]
    assert (size.said, size.file, size.line) == ("pyproject.toml: models.cat.budgets.board", "pyproject.toml", line)
    drop = places["accuracy_drop"]
    assert (drop.said, drop.file, drop.line) == ("targets/board.toml", "targets/board.toml", 8)
    assert places["macs"].said == places["arena"].said == "--set"

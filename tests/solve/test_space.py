"""What a search chooses from, and which recipe a choice is."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from msgspec.structs import replace

from edgekit.analyze.curves import Curve, Effect, Point, SensitivityCurves
from edgekit.config import tomllib
from edgekit.errors import TargetError
from edgekit.profile.profiles import load_target
from edgekit.profile.project import find_project
from edgekit.solve.space import OWN, ChannelGroup, ModelFacts, recipe_of, shape_of, space_of
from edgekit.toml import written

TARGETS = find_project(Path(__file__).parent).target_folders
GROUPS = (ChannelGroup(("conv1",), 32, 288), ChannelGroup(("conv2", "short"), 64, 18432))
FACTS = ModelFacts(GROUPS, 3, 3)


def target(*overrides: str):
    return load_target("microcontroller", TARGETS, overrides)


def curves(**losses: list[float]) -> SensitivityCurves:
    """What layers lose without a half and without nine tenths of their channels."""
    found = []
    for layer, rises in losses.items():
        points = zip((0.5, 0.9), rises, strict=True)
        found.append(
            Curve(layer, "Conv2D", 1, tuple(Point(at, "weights", Effect(1, r, None), None) for at, r in points))
        )
    return SensitivityCurves("channels", True, 10, Effect(1.0, 0.0, None), tuple(found))


def names(*overrides: str) -> list[str]:
    return [p.name for p in space_of(FACTS, None, target(*overrides)).parameters]


class TestChoices:
    def test_each_group_of_channels_has_a_width_of_its_own(self):
        first, second, *_ = space_of(FACTS, None, target()).parameters
        assert (first.name, first.low, first.high) == ("width of conv1", 2, 32)
        assert (second.name, second.low, second.high) == ("width of conv2", 3, 64)

    def test_of_many_groups_those_that_bear_alike_share_one(self):
        groups = tuple(ChannelGroup((f"conv{n}",), 16, 100) for n in range(40))
        lost = curves(**{f"conv{n}": [n % 7, 10 + n % 7] for n in range(40)})
        widths = [p for p in space_of(ModelFacts(groups, 0, 0), lost, target()).parameters if p.groups]
        assert len(widths) == OWN
        assert {g for p in widths for g in p.groups} == {*groups}
        bearing = [{int(g.layers[0][4:]) % 7 for g in p.groups} for p in widths]
        assert [min(b) for b in bearing] == sorted(min(b) for b in bearing), "from those that bear most"

    def test_what_makes_no_difference_is_no_choice(self):
        assert not {"sparsity", "clusters"} & {*names()}, "zeros and shared values make this file no smaller"
        assert {"sparsity", "clusters"} <= {*names('budget.download_size="20 KiB"')}
        assert "clusters" in names("recipe.shrink.lookup_tables=true")
        assert "qat" not in names('recipe.quantize.scheme="int16x8"')

    def test_techniques_and_ranges_narrow_it(self):
        assert names('solve.techniques=["channels"]', "solve.ranges.width=[0.25, 0.5]") == [
            "width of conv1",
            "width of conv2",
        ]
        widths = space_of(FACTS, None, target("solve.ranges.width=[0.25, 0.5]")).parameters
        assert (widths[0].low, widths[0].high) == (8, 16)

    @pytest.mark.parametrize(
        "overrides",
        [
            ("solve.techniques=[]",),
            ('solve.techniques=["prune"]',),
            ('solve.techniques=["channels"]', "solve.ranges.width=[1.0, 1.0]"),
            ('solve.techniques=["cluster"]', "recipe.shrink.lookup_tables=true", "solve.ranges.clusters=[]"),
        ],
    )
    def test_a_space_of_nothing_is_refused(self, overrides):
        with pytest.raises(TargetError, match=r"microcontroller: solve\.techniques: nothing to choose"):
            space_of(FACTS, None, target(*overrides))

    def test_the_first_trials_go_from_mild_to_strong_and_take_most_where_most_is_borne(self):
        first = space_of(FACTS, curves(conv1=[5.0, 9.0], conv2=[0.0, 0.1], short=[0.0, 0.0]), target()).first
        alike, borne = first[::2], first[1::2]
        assert [t["width of conv2"] for t in alike] == sorted((t["width of conv2"] for t in alike), reverse=True)
        assert borne[0]["width of conv1"] == 32 and borne[0]["width of conv2"] < 64, "conv1 bears nothing"

    def test_where_a_cost_is_minimized_strong_ones_come_first(self):
        lost = curves(conv1=[1.0, 2.0], conv2=[1.0, 2.0], short=[1.0, 2.0])
        mild, strong = (space_of(FACTS, lost, target(*o)).first for o in ((), ('solve.minimize="flash"',)))
        assert (mild[0]["width of conv2"], strong[0]["width of conv2"]) == (45, 20)
        assert sorted(map(str, mild)) == sorted(map(str, strong)), "the same ones"


class TestRecipes:
    def test_a_choice_is_a_recipe(self):
        space = space_of(FACTS, None, target("recipe.shrink.lookup_tables=true"))
        chosen = {"width of conv1": 6, "width of conv2": 64, "clusters": 16, "qat": "yes", "learning_rate": 0.002}
        recipe = recipe_of(space, chosen, 40, target().solve)
        assert list(recipe.techniques) == ["channels", "distil", "cluster", "qat"]
        assert recipe.channels.widths == {"conv1": 6}, "what keeps all of its channels is not named"
        assert (recipe.channels.epochs, recipe.distil.epochs, recipe.cluster.epochs) == (0, 40, 10)
        assert recipe.distil.during == ("cluster", "qat")
        assert recipe.reserve

    def test_what_the_target_leaves_alone_stays_alone(self):
        own = target(
            'budget.download_size="20 KiB"',
            'recipe.prune.exclude=["a*"]',
            'recipe.cluster.protect=["last"]',
            "recipe.channels.sparsity=0.5",
        )
        space = space_of(FACTS, None, own)
        chosen = {"width of conv1": 6, "width of conv2": 64, "sparsity": 0.5, "clusters": 16, "qat": "no"}
        recipe = recipe_of(space, chosen, 4, own.solve)
        assert (recipe.prune.exclude, recipe.prune.protect) == (("a*",), ())
        assert (recipe.cluster.exclude, recipe.cluster.protect) == ((), ("last",))
        assert recipe.channels.protect == ("first", "last")
        assert shape_of(recipe, 2).cluster.protect == ("last",)

    def test_a_range_of_one_value_is_that_value(self):
        own = target("solve.ranges.width=[0.5, 0.5]", "solve.ranges.learning_rate=[1e-3, 1e-3]")
        space = space_of(FACTS, None, own)
        assert {p.name: (p.low, p.high) for p in space.parameters if p.groups} == {
            "width of conv1": (16, 16),
            "width of conv2": (32, 32),
        }
        [first] = space.first
        recipe = recipe_of(space, first, 4, own.solve)
        assert recipe.channels.widths == {"conv1": 16, "conv2": 32, "short": 32}
        assert recipe.distil.learning_rate == 1e-3

    def test_layers_that_make_the_same_channels_keep_as_many(self):
        space = space_of(FACTS, None, target())
        recipe = recipe_of(space, {"width of conv1": 32, "width of conv2": 9}, 1, target().solve)
        assert recipe.channels.widths == {"conv2": 9, "short": 9}

    def test_without_a_teacher_the_narrowed_model_trains_on_labels(self):
        settings = target('solve.techniques=["channels"]').solve
        recipe = recipe_of(space_of(FACTS, None, target()), {"width of conv1": 6, "width of conv2": 9}, 40, settings)
        assert list(recipe.techniques) == ["channels"] and recipe.channels.epochs == 40

    def test_its_shape_needs_no_training(self):
        space = space_of(FACTS, None, target("recipe.shrink.lookup_tables=true"))
        chosen = {"width of conv1": 6, "width of conv2": 9, "clusters": 16, "qat": "yes"}
        recipe = recipe_of(space, chosen, 40, target().solve)
        plain, least = shape_of(recipe), shape_of(recipe, 2)
        assert list(plain.techniques) == ["channels"] and list(least.techniques) == ["channels", "cluster"]
        assert not any(part.epochs for shape in (plain, least) for part in shape.techniques.values())
        assert shape_of(replace(recipe, distil=None, order=())) == plain, "how it is trained changes no shape"


def test_texts_of_a_model_stay_texts_in_a_profile():
    names = ['a" = 1\n[x]', "\u202e", "\x7f", "\U0001f600", "\\"]
    table = {name: [True, 0.5] for name in names}
    assert tomllib.loads(f"x = {written(table)}")["x"] == table
    assert written("\u202e").isprintable()


def test_a_name_that_looks_like_a_pattern_is_no_pattern():
    space = space_of(ModelFacts((ChannelGroup(("conv[1]*",), 32, 288),), 0, 0), None, target())
    [(pattern, width)] = recipe_of(space, {"width of conv[1]*": 5}, 1, target().solve).channels.widths.items()
    assert width == 5 and fnmatchcase("conv[1]*", pattern) and not fnmatchcase("conv1x", pattern)

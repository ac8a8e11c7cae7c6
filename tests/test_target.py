from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import TargetError
from edgekit.profile.profiles import load_target, load_targets

PROFILE = """
description = "A board"
[hardware]
cpu = "cortex-m7"
[recipe.prune]
sparsity = 0.5
[recipe.quantize]
[runtimes]
ship = "litert"
[budget]
model_size = "10 KiB"
"""


@pytest.fixture
def profiles(tmp_path):
    """A function that writes profiles by name and returns their folder."""

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.toml").write_text(text)
        return [tmp_path]

    return write


def test_a_profile_is_read_with_defaults_in_place(profiles):
    target = load_target("board", profiles(board=PROFILE))
    assert (target.name, target.hardware.cpu, target.budget.model_size) == ("board", "cortex-m7", 10_240)
    assert (target.recipe.prune.sparsity, target.recipe.prune.schedule) == (0.5, "polynomial")
    assert (target.recipe.quantize.scheme, target.recipe.quantize.io) == ("int8", "int8")
    assert target.budget.latency is None and not target.outputs.c_array


@pytest.mark.parametrize("name", ["camera", "camera-u55", "microcontroller", "phone"])
def test_the_profiles_that_edgekit_brings_are_valid(name):
    target = load_target(name, [Path(__file__).parents[1] / "targets"])
    assert target.description and target.recipe.quantize.calibration_samples >= 100


class TestExtends:
    def test_a_profile_takes_over_what_it_does_not_say(self, profiles):
        folders = profiles(board=PROFILE, small='extends = "board"\n[budget]\nmodel_size = "5 KiB"\nmacs = "1 M"')
        board, small = (load_target(name, folders) for name in ("board", "small"))
        assert (small.name, small.budget.model_size, small.budget.macs) == ("small", 5 * 1024, 1e6)
        assert (small.recipe, small.hardware, small.description) == (board.recipe, board.hardware, board.description)

    def test_over_several_generations(self, profiles):
        folders = profiles(a=PROFILE, b='extends = "a"\n[recipe]\nseed = 3', c='extends = "b"\n[budget]\nmacs = 9')
        target = load_target("c", folders)
        assert (target.recipe.seed, target.recipe.prune.sparsity, target.budget.macs) == (3, 0.5, 9)

    def test_an_inherited_part_of_a_recipe_can_be_taken_away(self, profiles):
        target = load_target("b", profiles(a=PROFILE, b='extends = "a"\n[recipe]\nprune = false'))
        assert target.recipe.prune is None and target.recipe.quantize is not None

    def test_a_circle_is_named(self, profiles):
        with pytest.raises(TargetError, match=r"circle: a > b > a"):
            load_target("a", profiles(a='extends = "b"', b='extends = "a"'))


class TestOverrides:
    @pytest.mark.parametrize(
        ("override", "value"),
        [
            ("recipe.prune.sparsity=0.7", lambda t: t.recipe.prune.sparsity == 0.7),
            ("recipe.prune=false", lambda t: t.recipe.prune is None),
            ("budget.latency=5 ms", lambda t: t.budget.latency == 5e6),
            ('budget.latency="5 ms"', lambda t: t.budget.latency == 5e6),
            ("description=a = b", lambda t: t.description == "a = b"),
            ('runtimes.compare=["tflm"]', lambda t: t.runtimes.compare == ("tflm",)),
            ("outputs.c_array=true", lambda t: t.outputs.c_array is True),
        ],
    )
    def test_any_key_can_be_changed(self, profiles, override, value):
        folders = profiles(board=PROFILE)
        target = load_target("board", folders, (override,))
        assert value(target) and target.sha256 != load_target("board", folders).sha256

    def test_a_part_that_was_taken_away_can_be_put_back(self, profiles):
        folders = profiles(board=PROFILE.replace("[recipe.prune]\nsparsity = 0.5", "[recipe]\nprune = false"))
        assert load_target("board", folders).recipe.prune is None
        assert load_target("board", folders, ("recipe.prune.sparsity=0.3",)).recipe.prune.sparsity == 0.3

    def test_the_last_one_counts(self, profiles):
        folders = profiles(board=PROFILE)
        assert load_target("board", folders, ("recipe.seed=5", "recipe.seed=6")).recipe.seed == 6

    def test_an_error_names_the_option(self, profiles):
        with pytest.raises(TargetError, match=r"--set recipe.prune.sparsity=2: recipe.prune.sparsity: .* less than 1"):
            load_target("board", profiles(board=PROFILE), ("recipe.prune.sparsity=2",))


class TestHash:
    def test_comments_order_and_written_out_defaults_do_not_count(self, profiles):
        reworded = "# a comment\n" + PROFILE.replace('"10 KiB"', '"10240 B"  # the same').replace(
            "sparsity = 0.5", 'schedule = "polynomial"\nsparsity = 0.50'
        )
        folders = profiles(board=PROFILE)
        before = load_target("board", folders).sha256
        profiles(board=reworded)
        assert load_target("board", folders).sha256 == before

    @given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
    def test_settings_count(self, a, b):
        folders = [Path(__file__).parents[1] / "targets"]
        hashes = [load_target("phone", folders, (f"recipe.seed={seed}",)).sha256 for seed in (a, b)]
        assert (hashes[0] == hashes[1]) == (a == b)


class TestSeveral:
    def test_all_is_every_profile_of_the_first_folder_that_has_some(self, profiles, tmp_path):
        [own] = profiles(b=PROFILE, a=PROFILE)
        other = tmp_path / "other"
        other.mkdir()
        (other / "c.toml").write_text(PROFILE)
        assert [t.name for t in load_targets(["all"], [own, other], ())] == ["a", "b"]
        assert [t.name for t in load_targets(["all"], [tmp_path / "none", other], ())] == ["c"]

    def test_a_name_that_is_given_twice_is_built_once(self, profiles):
        assert [t.name for t in load_targets(["b", "a", "b"], profiles(a=PROFILE, b=PROFILE), ())] == ["b", "a"]

    def test_the_project_s_own_profile_wins(self, profiles, tmp_path):
        [own] = profiles(phone=PROFILE)
        assert load_target("phone", [own, Path(__file__).parents[1] / "targets"]).hardware.cpu == "cortex-m7"

    def test_an_unknown_name_gets_the_nearest(self, profiles):
        with pytest.raises(TargetError, match='unknown target "bord"; did you mean "board"'):
            load_target("bord", profiles(board=PROFILE))


def test_a_profile_cannot_be_changed_once_read(profiles):
    target = load_target("board", profiles(board=PROFILE))
    with pytest.raises(AttributeError):
        target.recipe.seed = 4
    assert msgspec.structs.replace(target.recipe, seed=4).seed == 4

"""Limits against what a trial measured, and budgets that leave nothing to solve."""

from pathlib import Path

import pytest

from edgekit.errors import TargetError
from edgekit.profile.profiles import load_target
from edgekit.profile.project import find_project
from edgekit.solve.judged import EXACT, QUALITY, Judge, broken, check_budget, quality
from edgekit.types import Measurement

TARGETS = find_project(Path(__file__).parent).target_folders


def target(*overrides: str, name: str = "microcontroller"):
    return load_target(name, TARGETS, overrides)


def judge(*overrides: str) -> Judge:
    return Judge(target("budget.accuracy=97.5 %", "budget.model_size=44 KiB", *overrides), "tflm")


def accuracy(value: float, low: float, high: float) -> Measurement:
    return Measurement("accuracy", value, "%", runtime="tflm 1", samples=800, low=low, high=high)


SIZE = Measurement("model_size", 50 * 1024, "B")


class TestHolding:
    def test_the_whole_interval_has_to_hold_unless_the_value_is_enough(self):
        found = [accuracy(98.0, 97.0, 98.7)]
        strict, mild = judge(), judge('solve.holds="value"')
        assert not strict.holds(strict.lines(found, QUALITY))
        assert mild.holds(mild.lines(found, QUALITY))
        [line] = strict.lines(found, QUALITY)
        assert strict.gap(line) == pytest.approx(0.5)

    def test_only_what_was_measured_is_judged(self):
        assert [line.name for line in judge().lines([SIZE], EXACT)] == ["model_size"]

    def test_what_is_broken_is_said_with_its_limit(self):
        held = judge()
        assert broken(held.lines([SIZE], EXACT), held) == "model_size 50.0 KiB of 44.0 KiB"

    def test_warnings_and_waived_limits_stop_nothing(self):
        held = judge('budget.levels.model_size="warn"')
        assert held.holds(held.lines([SIZE], EXACT))


class TestMerit:
    def test_without_a_cost_to_minimize_accuracy_counts(self):
        held, worse, better = judge(), [accuracy(98.0, 98.0, 98.0)], [accuracy(99.0, 99.0, 99.0)]
        assert held.merit(better, []) < held.merit(worse, [])

    def test_a_point_of_accuracy_below_the_limit_weighs_as_much_as_twice_the_cost(self):
        held = judge('solve.minimize="model_size"', 'solve.holds="value"')
        short = [SIZE, accuracy(96.5, 96, 97)]
        large = [Measurement("model_size", 100 * 1024, "B"), accuracy(97.5, 97, 98)]
        merits = [held.merit(found, held.lines(found, QUALITY)) for found in (short, large)]
        assert merits[0] == pytest.approx(merits[1])

    def test_of_several_costs_the_first_counts_most(self):
        held = judge('solve.minimize=["macs", "model_size"]')

        def cost(macs: float, size: float) -> float:
            return held.cost([Measurement("macs", macs, "1"), Measurement("model_size", size, "B")])

        assert cost(2000, 1000) > cost(1000, 2000) > cost(1000, 1000)
        assert cost(1000, 4000) == pytest.approx(cost(2000, 1000))

    def test_less_of_an_error_is_better(self):
        error, score = (Measurement("metric", 0.5, "", reason=f"its; {way} is better") for way in ("lower", "higher"))
        assert judge().goodness(error) == -0.5
        assert judge().goodness(score) == 0.5


def test_quality_without_labels_is_how_alike_it_answers():
    fidelity = Measurement("fidelity", 98.0, "%")
    assert quality([Measurement("sqnr", 20.0, "dB"), fidelity]) == fidelity
    numbers = Measurement("fidelity", 3.0, "%", reason="no classes")
    assert quality([Measurement("sqnr", 20.0, "dB"), numbers]).name in ("sqnr", "fidelity")


class TestRefusals:
    @pytest.mark.parametrize(
        ("overrides", "words"),
        [
            (('solve.minimize="flash"', "budget={}"), "nothing to solve for: set a limit on accuracy"),
            (('solve.minimize="npu_cycles"',), "solve.minimize: nothing here measures npu_cycles: set hardware.npu"),
            (('solve.minimize="flash"', 'solve.maximize="accuracy"'), "minimize and maximize exclude each other"),
            (('solve.minimize=["macs", "macs"]',), "solve.minimize: names macs twice; remove one"),
            (("solve.ranges.width=[0.9, 0.1]",), r"solve.ranges.width: goes from 0.9 down to 0.1; write \[0.1, 0.9\]"),
            (('budget.flash="+5 %"',), "budget.flash: a limit with + is against a release"),
        ],
    )
    def test_one_line_says_what_is_missing(self, overrides, words):
        with pytest.raises(TargetError, match=words.replace("+", r"\+")):
            check_budget(target(*overrides))

    def test_no_limit_on_a_cost(self, tmp_path):
        (tmp_path / "free.toml").write_text('description = "d"\n[recipe.quantize]\n[runtimes]\nship = "litert"\n')
        with pytest.raises(TargetError, match="nothing to solve for: set a limit on a cost, such as model_size"):
            check_budget(load_target("free", [tmp_path], ()))

    def test_a_time_that_nothing_tells_before_the_device_does(self, tmp_path):
        text = 'description = "d"\n[hardware]\ncpu = "cortex-a76"\n[runtimes]\nship = "litert"\n[recipe.quantize]\n'
        (tmp_path / "fast.toml").write_text(text + '[budget]\nlatency = "5 ms"\nmodel_size = "20 KiB"\n')
        with pytest.raises(TargetError, match="nothing here measures latency"):
            check_budget(load_target("fast", [tmp_path], ()))
        check_budget(
            target("budget.model_size=44 KiB", "budget.latency=300 us", 'budget.on_host=["latency"]', name="phone")
        )  # whose time is the build host's, and left to the build

"""Recipes side by side: which are on the front, and what is shown of them."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from edgekit.commands.study import print_study
from edgekit.report.study import STUDY, Failure, Study, StudyResult, front, markdown_study, plot_study
from edgekit.types import Measurement

QEMU = "qemu 7.2"


def outcome(name, *measurements):
    figures = {m.name: m for m in measurements}
    return StudyResult(name, (), 1, 1, 1, 1, None, None, None, None, None, 1.0, figures)


def accuracy(value):
    return Measurement("accuracy", value, "%", low=value - 1, high=value + 1)


def flash(value):
    return Measurement("flash", value, "B", runtime=QEMU)


def on_front(outcomes, qualities=("accuracy",), costs=("flash",)):
    return [one.name for one in front(outcomes, qualities, costs) if one.pareto]


def test_the_front_is_over_every_cost_that_is_limited():
    ram = lambda value: Measurement("ram", value, "B", runtime=QEMU)  # noqa: E731
    outcomes = [
        outcome("a", accuracy(90), flash(10), ram(30)),
        outcome("b", accuracy(90), flash(10), ram(20)),
        outcome("c", accuracy(90), flash(20), ram(10)),
        outcome("d", accuracy(95), flash(90), ram(90)),
    ]
    assert on_front(outcomes, costs=("flash", "ram")) == ["b", "c", "d"]
    assert on_front(outcomes, costs=("flash",)) == ["a", "b", "d"]


def test_a_cost_of_which_more_is_better_and_a_metric_of_which_less_is():
    covered = lambda value: Measurement("npu_coverage", value, "%", runtime="vela 5")  # noqa: E731
    mae = lambda value: Measurement("metric", value, "", reason="mae; lower is better")  # noqa: E731
    outcomes = [outcome("a", mae(0.1), covered(90)), outcome("b", mae(0.2), covered(80))]
    assert on_front(outcomes, ("metric",), ("npu_coverage",)) == ["a"]


def test_times_of_the_build_host_are_told_apart_by_their_intervals():
    time = lambda value, wide, runtime="litert 2": Measurement(  # noqa: E731
        "latency_p90", value, "ns", runtime=runtime, low=value - wide, high=value + wide
    )
    near = [outcome("a", accuracy(91), time(100, 9)), outcome("b", accuracy(90), time(99, 9))]
    assert on_front(near, costs=("latency_p90",)) == ["a"]
    far = [outcome("a", accuracy(91), time(100, 9)), outcome("b", accuracy(90), time(50, 9))]
    assert on_front(far, costs=("latency_p90",)) == ["a", "b"]
    device = [outcome("a", accuracy(91), time(100, 9, QEMU)), outcome("b", accuracy(90), time(99, 9, QEMU))]
    assert on_front(device, costs=("latency_p90",)) == ["a", "b"]


def test_what_was_not_measured_beats_nothing():
    outcomes = [outcome("a", accuracy(90), flash(10)), outcome("b", accuracy(90)), outcome("c", flash(1))]
    assert on_front(outcomes) == ["a"]


points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8)


@given(points)
def test_whatever_is_not_on_the_front_is_beaten_by_what_is(pairs):
    found = front([outcome(str(n), accuracy(a), flash(f)) for n, (a, f) in enumerate(pairs)], ["accuracy"], ["flash"])
    best = [pair for pair, one in zip(pairs, found, strict=True) if one.pareto]
    assert best
    for pair, one in zip(pairs, found, strict=True):
        beaten = any(a >= pair[0] and f <= pair[1] and (a, f) != pair for a, f in best)
        assert beaten == (not one.pareto)


@pytest.fixture
def study():
    outcomes = [outcome("int8", accuracy(98.9), flash(44_544)), outcome("$x$ | <b>@me", accuracy(98.1))]
    failures = [Failure("|", (), "conv|99 <img>")]
    return Study(STUDY, "digits", "microcontroller", outcomes, [], failures, ["accuracy"], ["flash"])


def test_a_study_lays_out_what_the_device_said(study, capsys):
    print_study(study)
    head, *rows = capsys.readouterr().out.strip().splitlines()
    assert head.split() == ["recipe", "accuracy", "flash"]
    assert "43.5 KiB" in rows[0] and "98.90 % (97.90 … 99.90)" in rows[0]
    assert "not measured" in rows[1]


def test_what_is_the_same_for_all_is_said_once(capsys):
    outcomes = [outcome(name, accuracy(value), flash(1024)) for name, value in (("a", 90), ("b", 91))]
    print_study(Study(STUDY, "m", "t", outcomes, [], [], ["accuracy"], ["flash"]))
    said = capsys.readouterr().out
    assert "flash" not in said.splitlines()[1] and "the same for all: flash 1.0 KiB" in said


def test_no_name_of_a_recipe_breaks_the_page_or_the_figure(study, tmp_path):
    page = MarkdownIt("commonmark").enable("table").render(markdown_study(study, "study.svg"))
    assert page.count("<tr>") == 5 and "<b>" not in page and "<img src" in page and page.count("<img") == 1
    plot_study(study, tmp_path / "study.svg")
    ElementTree.parse(tmp_path / "study.svg")
    first = (tmp_path / "study.svg").read_bytes()
    plot_study(study, tmp_path / "study.svg")
    assert (tmp_path / "study.svg").read_bytes() == first


@pytest.mark.parametrize("costs", [["flash"], ["a", "b"], ["a", "b", "c", "d"]])
def test_the_figure_has_a_plot_for_each_cost(costs, tmp_path):
    outcomes = [outcome(n, accuracy(90), *(Measurement(c, i, "B") for c in costs)) for i, n in enumerate("xy")]
    plot_study(Study(STUDY, "m", "t", outcomes, [], [], ["accuracy"], costs), tmp_path / "f.svg")
    text = (tmp_path / "f.svg").read_text()
    assert text.count('id="axes_') == len(costs)

"""What came of a build in words, and how it lies on the terminal."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from edgekit.measure.judge import verdict
from edgekit.report.console import print_reports
from edgekit.report.types import BaselineEntry, ModelEntry, Report, TargetEntry
from edgekit.report.verdict import advice, ordered, overall, repeated, rows, sentence
from edgekit.types import Artifact, BudgetLine, Machine, Measurement

LATENCY = BudgetLine("latency", 10e6, 13.6e6, "ns", -36.0, "fail", "measured litert 2.3.0, build host")
ACCURACY = BudgetLine("accuracy", 97.5, 95.0, "%", -2.6, "fail", "measured tflm 0.dev20261023182759")
OPEN = BudgetLine("speedup", 2.0, 2.1, "x", 5.0, "inconclusive", "measured litert 2.3.0", "", 1.8, 2.4)
UNKNOWN = BudgetLine("arena", 1024.0, None, "B", None, "inconclusive", "", 'not measured: write runtimes.ship = "tflm"')
FINE = BudgetLine("model_size", 45056.0, 38533.0, "B", 14.5, "pass", "measured")
WAIVED = replace(LATENCY, name="macs", unit="1", waived="new sensor (until 2999-12-31)")
WARNED = replace(LATENCY, name="load_time", level="warn")
FIGURES = [
    Measurement("model_size", 38533, "B"),
    Measurement("latency_p90", 23.7e3, "ns", runtime="litert 2.3.0"),
    Measurement("accuracy", 98.9, "%", runtime="litert 2.3.0"),
    Measurement("accuracy", 11.1, "%", runtime="tflm 1"),
    Measurement("arena", None, "B", reason="failed: no"),
    Measurement("macs", 2_440_960, "1"),
]


def report(*lines, figures=FIGURES, target="phone", **more):
    return Report(
        schema="edgekit.report/1",
        model=ModelEntry("digits", "digits.keras", "0" * 64, 1, 1),
        target=TargetEntry(target, "1" * 64),
        artifacts=[Artifact("tflite", "model.tflite", 10, "2" * 64)],
        stages=[],
        measurements=figures,
        budget=list(lines),
        verdict=verdict(lines, figures, "litert"),
        threads=1,
        rungs=[],
        machine=Machine("a cpu", 2, "Linux", "CPython"),
        shipped="litert",
        **({"notes": []} | more),
    )


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([LATENCY], "fail: latency is 13.6 ms, limit 10 ms, 36 % over"),
        ([LATENCY, FINE, OPEN, WAIVED, WARNED], "fail: latency is 13.6 ms, limit 10 ms, 36 % over"),
        ([ACCURACY, LATENCY, FINE], "fail: 2 of 3 limits are broken"),
        ([FINE, OPEN], "inconclusive: speedup is 2.1 x (1.8 x … 2.4 x), limit 2 x, 5 % left"),
        ([UNKNOWN], 'inconclusive: arena: not measured: write runtimes.ship = "tflm"'),
        ([OPEN, UNKNOWN], "inconclusive: 2 of 2 limits are not decided"),
        ([FINE], "pass: the limit holds"),
        ([FINE, FINE], "pass: all 2 limits hold"),
        ([FINE, WAIVED, WARNED], "pass: the limit holds"),
        ([WAIVED], "pass: no limit is set that decides"),
        ([], "pass: no limit is set"),
    ],
)
def test_the_verdict_is_one_sentence(lines, text):
    assert sentence(report(*lines)) == text


def test_a_model_that_does_not_run_is_the_sentence_where_no_limit_says_it():
    failed = Measurement("latency_p90", None, "ns", runtime="litert 2.3.0", reason="failed: no kernel for X")
    assert sentence(report(FINE, figures=[failed])) == "fail: litert 2.3.0: failed: no kernel for X"


def test_failed_limits_come_last_and_are_repeated():
    built = report(LATENCY, WAIVED, FINE, OPEN, ACCURACY)
    assert [row.budget for row in rows(built)] == ["model_size", "macs", "speedup", "latency", "accuracy"]
    assert [text.split()[0] for text in repeated(built)] == ["macs", "speedup", "latency", "accuracy"]
    assert "waived: new sensor" in repeated(built)[0]


def test_what_the_sentence_says_is_not_said_again():
    assert repeated(report(LATENCY, FINE)) == [] and repeated(report(FINE)) == []


def test_without_a_budget_every_figure_is_shown_that_a_limit_could_be_set_for():
    shown = {row.budget: row for row in rows(report())}
    assert list(shown) == ["model_size", "latency", "macs", "accuracy"]
    assert {row.limit for row in shown.values()} == {"none"} and {row.headroom for row in shown.values()} == {"–"}
    assert shown["accuracy"].value == "98.90 %" and shown["latency"].source == "measured litert 2.3.0, build host"


def test_where_the_device_has_no_figure_that_of_the_build_host_does_not_stand_in():
    of_device = Measurement("latency_p90", None, "ns", "simulated", "qemu", reason="not measured: no such core")
    [latency] = [row for row in rows(report(figures=[*FIGURES, of_device])) if row.budget == "latency"]
    assert (latency.value, latency.source) == ("–", "not measured")


def test_size_latency_and_accuracy_are_shown_beside_any_budget():
    macs = replace(FINE, name="macs", unit="1")
    assert [row.budget for row in rows(report(macs))] == ["model_size", "latency", "accuracy", "macs"]


@pytest.mark.parametrize(
    ("built", "words"),
    [
        (report(ACCURACY, LATENCY), "edgekit explain --target=phone --model=m.keras"),
        (report(LATENCY), "edgekit sensitivity --target=phone --model=m.keras"),
        (report(replace(LATENCY, name="max_lsb", unit="LSB")), "edgekit diverge"),
        (report(replace(ACCURACY, name="skill")), "data"),
        (report(OPEN), "edgekit build --target=phone --model=m.keras --remeasure"),
        (report(UNKNOWN), "do what"),
        (report(replace(LATENCY, value=None, verdict="inconclusive")), "do what"),
        (report(), 'model_size = "42 KiB"'),
        (report(FINE), "edgekit baseline save NAME --out=o"),
        (report(FINE, baseline=BaselineEntry("v1", "0" * 64, [])), "edgekit release --builds=o --out=FILE.zip"),
    ],
)
def test_the_next_step_follows_from_what_came_out(built, words):
    assert words in advice(built, Path("o"), "--model=m.keras", "--out=o")


def test_a_trial_is_to_be_written_into_its_target_first():
    built = report(FINE)
    built = replace(built, target=replace(built.target, overrides=("recipe.prune=false",)))
    assert "--set" in advice(built, Path("build"))


def test_several_builds_end_with_a_line_over_all():
    builds = [report(FINE), report(LATENCY), report(FINE)]
    assert overall(builds) == "3 builds: 1 fail, 2 pass"


def test_several_builds_are_a_sentence_each_and_a_note_is_said_once(capsys):
    same = "the machine is on fire; put it out"
    print_reports([report(FINE, notes=[same]), report(LATENCY, target="camera", notes=[same, "own"])], Path("build"))
    assert capsys.readouterr().out.splitlines() == [
        f"note: {same}",
        "note: camera: digits: own",
        "phone: digits: pass: the limit holds (build/phone/digits)",
        "camera: digits: fail: latency is 13.6 ms, limit 10 ms, 36 % over (build/camera/digits)",
        "2 builds: 1 fail, 1 pass",
        "next: `edgekit sensitivity --target=camera` says which layers can be smaller",
    ]


WORST = report(
    *(replace(LATENCY, name=name, source="simulated qemu 7.2.22") for name in ("latency", "instructions", "ram")),
    *(ACCURACY, replace(ACCURACY, name="accuracy_drop", unit="points"), WAIVED, FINE, OPEN, UNKNOWN),
    replace(FINE, name="resident_memory"),
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_terminal_of_any_width_shows_whole_words(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    print_reports([WORST], Path("build"))
    lines = capsys.readouterr().out.splitlines()
    plain = [line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in lines]
    assert all(cell_len(line) <= width for line in plain)
    assert not any("…" in line for line in plain if "1.8 x … 2.4 x" not in line)
    assert all(any(line.startswith(row.budget) for line in plain) for row in rows(WORST))
    head = next(line for line in plain if line.startswith("budget"))
    assert ("source" in head) == (width >= 100)
    assert "next: " in "\n".join(plain)


def test_80_columns_show_where_figures_come_from(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    drop = replace(ACCURACY, name="accuracy_drop", limit=1.0, value=-0.05, unit="points", verdict="pass")
    print_reports([report(LATENCY, ACCURACY, drop)], Path("build"))
    printed = capsys.readouterr().out
    assert "build host" in printed and "measured" in printed and "0.dev20261023182759" not in printed


def test_a_pipe_gets_a_line_for_each_limit(capsys):
    print_reports([WORST], Path("build"))
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("accuracy ") for line in lines) == 1
    [line] = [line for line in lines if line.startswith("accuracy ")]
    assert "measured tflm 0.dev20261023182759" in line and "2.50 points short" in line


LINES = st.lists(st.sampled_from([LATENCY, ACCURACY, OPEN, UNKNOWN, FINE, WAIVED, WARNED]), max_size=9)


@given(lines=LINES)
def test_whatever_came_out_is_said_in_one_line_with_its_verdict(lines):
    built = report(*lines)
    assert sentence(built).startswith(f"{built.verdict}: ") and len(sentence(built).splitlines()) == 1
    assert sorted(line.name for line in ordered(lines)) == sorted(line.name for line in lines)
    if built.verdict == "fail":
        assert ordered(lines)[-1].verdict == "fail" and not ordered(lines)[-1].waived
    assert advice(built, Path("build"))


class TestWhatWouldDecide:
    FEW = Measurement("accuracy", 98.0, "%", runtime="litert 2.3.0", samples=800)

    def line(self, value=98.0, low=97.0, high=98.7):
        return BudgetLine("accuracy", 97.5, value, "%", 0.5, "inconclusive", "measured litert 2.3.0", "", low, high)

    def test_an_interval_half_as_wide_takes_four_times_the_samples(self):
        said = advice(report(self.line(), figures=[self.FEW]), Path("build"))
        assert said == "about 3,200 test samples would decide accuracy (there are 800)"

    def test_a_value_at_its_limit_is_decided_by_no_number_of_samples(self):
        said = advice(report(self.line(value=97.5), figures=[self.FEW]), Path("build"))
        assert said == 'do what the lines above say, or set budget.levels.accuracy = "off" in the target'

    def test_samples_decide_nothing_of_what_was_not_measured(self):
        assert "samples" not in advice(report(UNKNOWN, figures=[self.FEW]), Path("build"))

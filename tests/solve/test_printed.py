"""What is printed when a search has ended, and while it runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from edgekit.report.progress import WORDS as ROOM
from edgekit.solve.printed import print_solution
from edgekit.solve.told import became
from edgekit.solve.types import Finalist, Outcome, Solution
from edgekit.types import BudgetLine, Measurement


def accuracy(value: float, samples: int) -> Measurement:
    return Measurement("accuracy", value, "%", runtime="tflm 1", samples=samples, low=value - 2, high=value + 2)


def limit(name: str, limit: float, value: float, unit: str, verdict: str = "pass") -> BudgetLine:
    return BudgetLine(name, limit, value, unit, 1.0, verdict, "measured")


LINES = [
    limit("model_size", 20480, 19000, "B"),
    limit("flash", 900_000, 60_000, "B"),
    limit("instructions", 900_000, 80_000, ""),
    limit("latency", 9e6, 1e6, "ns"),
    limit("ram", 90_000, 10_000, "B"),
    limit("accuracy", 92.0, 93.0, "%", "inconclusive"),
]
TRIAL = Outcome(3, {}, {}, "trained", 9, [accuracy(93.0, 400)], LINES, False, 1.0, 2.0, front=True)


def solution(*trials: Outcome, verdict: str = "inconclusive") -> Solution:
    final = Finalist(3, LINES, False, accuracy(93.0, 399), accuracy(93.0, 400), accuracy(92.5, 1000))
    won = 3 if trials else None
    finals = [final] if trials else []
    return Solution(
        "edgekit.solve/1", "digits", "small", verdict, "the highest accuracy", [], won, list(trials), finals, [], [],
        {}, [], (400, 399), 1,
    )  # fmt: skip


def test_what_is_undecided_has_one_word_and_the_last_line_says_what_to_do(capsys):
    print_solution(solution(TRIAL), Path("build/solve"), Path("targets/small.solved.toml"), "--model=digits")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines if line.lstrip().startswith("3 ")] == ["inconclusive"]
    assert any(line.startswith("trial 3 is inconclusive: ") for line in lines)
    assert any(line.startswith("exit status 1, as ") for line in lines)
    assert lines[-1] == "next: edgekit build --target=small.solved --model=digits"


def test_a_cost_that_is_only_minimized_has_its_figure(capsys):
    took = Measurement("latency_p90", 2_000_000.0, "ns", runtime="vela 5")
    found = solution(replace(TRIAL, measurements=[took, *TRIAL.measurements], lines=LINES[:1]))
    print_solution(replace(found, minimized=["latency"]), Path("build/solve"), Path("targets/small.solved.toml"))
    head, row = [
        line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:1] in (["trial"], ["3"])
    ][:2]
    assert "latency" in head and "2 ms" in " ".join(row)


def test_no_trial(capsys):
    print_solution(solution(verdict="none"), Path("build/solve"), Path("targets/small.solved.toml"))
    assert capsys.readouterr().out == "no trial was finished; the same command goes on from here\n"


@pytest.mark.parametrize("reason", ["instructions 9 M of 8 M, flash 9 MiB of 8 MiB, ram 9 B of 8 B", ""])
@pytest.mark.parametrize("state", ["dropped", "beaten", "stopped", "trained"])
def test_how_a_trial_ended_is_not_cut(state, reason):
    outcome = Outcome(123, {}, {}, state, 200, [], [], False, None, 0.0, reason)
    assert len(f"trial 123 {became(outcome)}") <= ROOM


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--trials=0", "--trials=0: has to be a whole number, at least 1"),
        ("--trials=-1", "--trials=-1: has to be a whole number, at least 1"),
        ("--time=1", "--time=1: has no unit of time; write --time=30min"),
        ("--time=-1min", "--time=-1min: is negative; write --time=30min"),
    ],
)
def test_a_wrong_option_is_named_as_it_was_typed(option, words):
    command = [sys.executable, "-m", "edgekit", "solve", "--target=microcontroller", option]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (2, f"edgekit: {words}\n")

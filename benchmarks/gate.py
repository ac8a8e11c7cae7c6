"""Whether the gate flickers: a model against itself, and against itself made slower, beside a process that works.

python benchmarks/gate.py [COMPARISONS]      100 by default; writes docs/measured/gate.md

A busy process is pinned to one of the cores that this one may use. Each comparison is what `build --baseline=NAME` does
with `latency = "+5 %"`: rounds of fresh processes until the interval of the change lies on one side of 5 %, or the
target's patience ends. A slowdown is injected by waiting 10 % of the time of each run beside it.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from commands import ROOT

from edgekit.measure.judge import judge
from edgekit.measure.limits import Budget
from edgekit.measure.machine import machine
from edgekit.measure.timing import Candidate, Comparison, Question, compared, time_models
from edgekit.report.markdown import table
from edgekit.types import Measurement, Timing
from edgekit.units import Nanoseconds

LIMIT = 5.0
PATIENCE = 20.0
BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


def comparison(model: Path, slower: float, patience: float) -> tuple[str, float, int, float]:
    """Verdict, change in percent, rounds and seconds of one comparison."""
    now, before = Candidate("model", "litert"), Candidate("baseline", "litert")
    change = Comparison("latency_p50_change", now, before, percent=True)
    question = Question(now, change.name, LIMIT)
    start = time.perf_counter()
    models = {"model": str(model), "baseline": str(model)}
    outcome = time_models(
        models, [now, before], [change], [question], 1, Timing(), patience, 60, lambda t, s: None, {"model": slower}
    )
    [found] = compared(outcome, change)
    limits = Budget(latency_p50=Nanoseconds.parse("+5 %"))
    [line] = judge(limits, [found], "litert", [Measurement("latency_p50", 1, "ns", runtime="litert")])
    return line.verdict, found.value or 0.0, found.samples, time.perf_counter() - start


def campaign(model: Path, slower: float, count: int) -> list[tuple[str, float, int, float]]:
    """Some comparisons, one after the other, beside a busy process."""
    busy = subprocess.Popen([sys.executable, "-c", BUSY, str(min(os.sched_getaffinity(0)))])
    try:
        return [comparison(model, slower, PATIENCE) for _ in range(count)]
    finally:
        busy.kill()
        busy.wait()


def row(name: str, found: list[tuple[str, float, int, float]]) -> list[str]:
    """A line of the table."""
    words, changes = Counter(word for word, *_ in found), sorted(change for _, change, *_ in found)
    rounds, seconds = sorted(r for _, _, r, _ in found), sorted(s for *_, s in found)
    middle = len(found) // 2
    return [
        name,
        *(str(words[word]) for word in ("pass", "inconclusive", "fail")),
        f"{changes[middle]:+.1f} % ({changes[0]:+.1f} … {changes[-1]:+.1f})",
        f"{rounds[middle]} ({rounds[0]} … {rounds[-1]})",
        f"{seconds[middle]:.1f} s ({seconds[0]:.1f} … {seconds[-1]:.1f})",
    ]


def main() -> None:
    """Runs both campaigns and writes the page."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    model = ROOT / "build/phone/digits/model.tflite"
    rows = [
        row("the same model", campaign(model, 0.0, count)),
        row("the same model, 10 % slower", campaign(model, 0.1, count)),
    ]
    head = ["compared with itself", "pass", "inconclusive", "fail", "change found", "rounds", "took"]
    host = machine()
    page = f"""# How often the gate errs

A gate that fails on one day and passes on the next, with no change to the model, is soon ignored. Here the model is
compared with itself, and with itself made slower, {count} times each, while another process keeps one of the cores
busy. Made by `python benchmarks/gate.py`, with the reference model under LiteRT and one thread, on {host.cpu},
{host.cores} cores. The limit is +5 %, the patience {PATIENCE:.0f} s.

{table(head, rows)}

Medians, with the smallest and the largest. A fresh process is a copy of one that has loaded nothing but the runtime.
"""
    (ROOT / "docs/measured/gate.md").write_text(page)
    print(table(head, rows))


if __name__ == "__main__":
    main()

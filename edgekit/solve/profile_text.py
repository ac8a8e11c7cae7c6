"""`TARGET.solved.toml`: a profile with the recipe that won, and what each choice costs and buys."""

from __future__ import annotations

from typing import Any

from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.report.text import one_line
from edgekit.solve.judged import called, quality
from edgekit.solve.trials import said
from edgekit.solve.types import Outcome, Solution
from edgekit.toml import header, key, noted, written
from edgekit.units import show

COLUMN = 32
"""Where comments begin."""
WORDS = {
    "reserve": "samples that chose nothing judged it",
    "order": "narrow, train in full, then what takes weights apart",
    "channels": "the channels that each layer keeps: what decides size, memory and time",
    "distil": "it learns what the model as it was given answers",
    "prune": "single weights at zero: they deflate well",
    "cluster": "weights that share few values take fewer bits",
    "qat": "trained with the rounding of int8",
    "quantize": "as the profile has it",
    "shrink": "as the profile has it",
    "seed": "of the whole recipe",
}


def profile_text(solution: Solution, target: Target, recipe: Recipe, changed: dict[str, Any]) -> str:
    """The profile, as TOML with comments.

    Args:
      target: that was solved, as its file has it.
      changed: tables beside the recipe that were other ones in this search: limits of the model, and those of `--set`.
    """
    assert solution.winner is not None
    winner = solution.of(solution.winner)
    wanted, inherited = said(recipe), said(target.recipe)
    tables = {name: part for name, part in wanted.items() if isinstance(part, dict)}
    lines = [
        *(f"# {one_line(text)}" for text in _head(solution, target, winner)),
        "",
        f"extends = {written(target.name)}",
        "",
        "[recipe]",
    ]
    for name in Recipe.__struct_fields__:
        if name in tables or name not in wanted.keys() | inherited.keys():
            continue
        gone = name not in wanted and name in Recipe.known()
        value = "false" if gone else written(wanted.get(name, getattr(recipe, name)))
        lines += noted([(f"{name} = {value}", "" if gone else WORDS.get(name, ""))], COLUMN)
    for name, table in tables.items():
        below = inherited.get(name, {}) if isinstance(inherited.get(name), dict) else {}
        own = getattr(recipe, name)
        rows = table | {key: getattr(own, key) for key in below if key not in table}
        if rows == below:
            continue
        lines += ["", *noted([(header("recipe", name), _bought(name, solution) or WORDS.get(name, ""))], COLUMN)]
        lines += [f"{name} = {written(value)}" for name, value in rows.items()]
    for name, table in changed.items():
        lines += ["", header(name), *(f"{key(name)} = {written(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _head(solution: Solution, target: Target, winner: Outcome) -> list[str]:
    """What won, and why."""
    final = next(f for f in solution.finals if f.number == winner.number)
    limited = {line.name for line in final.lines}
    least = [m for name in solution.minimized if name not in limited and (m := winner.figure(name))]
    figures = ", ".join(
        [f"{line.name} {show(line.value, line.unit)} of {show(line.limit, line.unit)}" for line in final.lines]
        + [f"{m.name} {show(m.value, m.unit)}" for m in least]
    )
    certain = {"holds": "every limit holds", "inconclusive": "every limit holds by its value, not with its interval"}
    q = final.quality
    interval = "" if q.low is None or q.high is None else f" ({q.low:.2f} … {q.high:.2f})"
    return [
        f"{target.name}, solved for {solution.objective}: trial {winner.number} of {len(solution.trials)}.",
        f"{certain[solution.verdict]}: {figures}.",
        f"{called(q)} on {solution.samples[1]} samples that chose nothing: {show(q.value, q.unit)}{interval}.",
    ]


def _bought(name: str, solution: Solution) -> str:
    """What the search saw of a technique: the best with it beside the best without it."""
    assert solution.winner is not None
    winner = solution.of(solution.winner)
    if name == "channels":
        before = {m.name: m for m in solution.given if m.artifact == "model" and m.value}
        names = dict.fromkeys((*solution.minimized, *(line.name for line in winner.lines)))
        pairs = [(m, before[m.name]) for name in names if (m := winner.figure(name)) and m.name in before]
        bought = [
            f"{m.name} {show(m.value, m.unit)} instead of {show(old.value, old.unit)}"
            for m, old in pairs
            if m.value != old.value
        ]
        return f"{WORDS[name]}: {', '.join(bought)}" if bought else WORDS[name]
    if name == "distil":
        return f"{WORDS[name]}; the trial took {winner.seconds:.0f} s"
    full = [trial for trial in solution.trials if trial.state == "trained" and trial.merit is not None]
    having = [t for t in full if name in t.recipe]
    without = [t for t in full if name not in t.recipe]
    if not having or not without:
        return WORDS.get(name, "")
    best, other = (min(group, key=lambda t: t.merit or 0.0) for group in (having, without))
    costs = solution.minimized or ["model_size"]
    return f"{WORDS.get(name, '')}; with it {_figures(best, costs)}, without it {_figures(other, costs)}"


def _figures(trial: Outcome, costs: list[str]) -> str:
    known = [m for name in costs if (m := trial.figure(name))]
    return ", ".join(f"{called(m)} {show(m.value, m.unit)}" for m in (*known, quality(trial.measurements)))

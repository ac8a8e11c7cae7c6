"""The comment on a pull request: what the change does to each model, for whoever reviews it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edgekit.report.changes import FOLDED, Change, Comparison, from_to, valued
from edgekit.report.markup import marked, name, text

MARKER = "<!-- edgekit -->"
"""The comment's first line, by which the job finds it to bring it up to date."""
LONGEST = 60_000
"""Characters: GitHub takes 65,536."""
WORDS = {"worse": "**worse**", "better": "better", "within": "≈"}
ICONS = {"fail": "❌", "inconclusive": "❔", "skipped": "❔", "pass": "✅", "": ""}
MOST = 30
"""Reasons that are shown of a build."""


def comment(found: Sequence[Comparison]) -> str:
    """The comment for what changed between the builds of two commits; see `edgekit.commands.compare`."""
    changed = [one for one in found if one.changed]
    same = [one for one in found if not one.changed]
    head = [MARKER, f"### edgekit: {_headline(found)}", *_commits(found)]
    last = [_unchanged(same)] if same else []
    whole = "\n\n".join([*head, *(_section(one, full=True) for one in changed), *last]) + "\n"
    if len(whole) <= LONGEST:
        return whole
    parts, left = [*head], len(changed)
    for one in changed:
        part = _section(one, full=False)
        if sum(map(len, parts)) + len(part) > LONGEST - 1000:
            break
        parts.append(part)
        left -= 1
    cut = f"{left} more builds changed; " if left else ""
    return "\n\n".join([*parts, f"{cut}`edgekit compare` shows all of it."]) + "\n"


def change_tables(found: Sequence[Change]) -> list[str]:
    """A table of what a reader has to see, and a folded one of the rest."""
    open_, folded = ([c for c in found if (c.place < FOLDED) == first] for first in (True, False))
    parts = [_table(open_)] if open_ else ["No figure changed."]
    if folded:
        count = f"{len(folded)} more figure{'s' * (len(folded) > 1)}"
        parts.append(f"<details><summary>{count}</summary>\n\n{_table(folded)}\n\n</details>")
    return parts


def _headline(found: Sequence[Comparison]) -> str:
    """One sentence over all builds."""
    now = [one for one in found if one.after]
    broken = [one for one in now if one.verdicts[1] == "fail"]
    new = [one for one in broken if one.verdicts[0] != "fail"]
    effects = Counter(c.effect for one in found if one.before and one.after for c in one.figures if c.place < FOLDED)
    moved = [f"{effects[effect]} {effect}" for effect in ("worse", "better") if effects[effect]]
    figures = f"; figures: {', '.join(moved)}" if moved else ""
    if new:
        said = f"{_builds(new)} over budget by this change"
    elif broken:
        said = f"{_builds(broken)} over budget, as before"
    else:
        said = "no budget is broken"
    return f"{said}{figures}" if any(one.changed for one in found) else f"{said}; nothing changed"


def _commits(found: Sequence[Comparison]) -> list[str]:
    """What was compared with what, where all builds of a side are of one commit."""
    pairs = {one.commits for one in found if one.before and one.after}
    before, after = pairs.pop() if len(pairs) == 1 else ("", "")
    return [f"{name(_short(before))} → {name(_short(after))}"] if before and after and before != after else []


def _short(commit: str) -> str:
    return commit[:8] + "+" * commit.endswith("+")


def _builds(found: Sequence[Comparison]) -> str:
    return f"{len(found)} build is" if len(found) == 1 else f"{len(found)} builds are"


def _title(one: Comparison) -> str:
    """Which build, and what the budget says of it."""
    where = f"{name(one.model)} for {name(one.target)}" if one.model else f"{name(one.before)} → {name(one.after)}"
    if one.renamed:
        where += f", which was {name(one.renamed)}"
    return f"{where}: {_verdict(*one.verdicts)}" if any(one.verdicts) else where


def _verdict(before: str, after: str) -> str:
    if before == after or not before:
        return f"{ICONS[after]} {after}" if after else ""
    return f"{before} → {ICONS[after]} **{after}**" if after else before


def _section(one: Comparison, full: bool) -> str:
    """A build that changed, appeared or went; `full` with what is folded."""
    if not one.after:
        return f"#### {_title(one)}\n\nThis build is gone."
    title = f"#### {_title(one)}"
    if not one.before:
        judged = [c for c in one.figures if c.limits[1]]
        rows = [[name(c.name), *map(text, (_value(c, 1), c.limits[1])), _judged(c)] for c in judged]
        if not rows:
            return f"{title}\n\nThis build is new, and has no budget."
        return "\n\n".join([title, "This build is new.", marked(["figure", "value", "limit", "verdict"], rows, (1,))])
    parts = change_tables(one.figures) if full else change_tables([c for c in one.figures if c.place < FOLDED])
    if full and one.reasons:
        lines = [f"- {text(reason.kind)}: {text(reason.what)}" for reason in one.reasons[:MOST]]
        lines += [f"- and {len(one.reasons) - MOST} more"] if len(one.reasons) > MOST else []
        parts.append("<details><summary>Why</summary>\n\n" + "\n".join(lines) + "\n\n</details>")
    return "\n\n".join([title, *parts])


def _unchanged(found: Sequence[Comparison]) -> str:
    lines = "\n".join(f"- {_title(one)}" for one in found)
    count = f"{len(found)} build{'s' * (len(found) > 1)} without a change"
    return f"<details><summary>{count}</summary>\n\n{lines}\n\n</details>"


def _table(found: Sequence[Change]) -> str:
    head = ["", "figure", "before", "after", "change", "limit", "verdict"]
    rows = [
        [
            WORDS.get(c.effect, ""),
            name(c.name),
            text(_value(c, 0)),
            text(_value(c, 1)),
            text(_change(c)),
            text(from_to(*c.limits)),
            _judged(c),
        ]
        for c in found
    ]
    return marked(head, rows, (2, 3))


def _value(change: Change, number: int) -> str:
    value = (change.before, change.after)[number]
    said, ends = valued(value, (change.before_interval, change.after_interval)[number], change.unit)
    return f"{said} ({ends})" if ends else said


def _judged(change: Change) -> str:
    before, after = (text(said) for said in change.verdicts)
    return after if before == after or not before else f"{before} → **{after or 'not judged'}**"


def _change(change: Change) -> str:
    by = f"{change.by} ({change.by_interval})" if change.by_interval else change.by
    return "; ".join(filter(None, (by, change.note)))

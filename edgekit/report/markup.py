"""Markdown that may hold the texts of files: names of models, layers and labels, and what people wrote of them.

Whoever sends a model decides its names, and a comment on a pull request is read by many: a name must not break a table,
load a picture, or notify a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgekit.report.text import printable

MARKUP = r"""[\\`*\[\]<>|~$"]|&(?=#?\w+;)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=\bwww)\."""
"""What is markup somewhere in CommonMark, in the tables and links of GitHub and GitLab, or in the HTML of either."""
REFERENCE = r"@(?=\w)|[#!&%](?=\d)"
"""What notifies a person, or refers to an issue or merge request."""
BEGINNING = r"^(?:[#+-]+|\d+[.)])(?=\s|$)"
"""What makes a heading, a list or a rule of the paragraph that it begins."""
APART = "&#8288;"
"""A word joiner, which nobody sees."""
LONGEST = 1000


def text(written: str) -> str:
    """A text of a file as Markdown that reads the same, and is nothing but text."""
    return re.sub(f"(?P<refers>{REFERENCE})|{BEGINNING}|{MARKUP}", _harmless, _line(written))


def name(written: str) -> str:
    """A name of a file, set as code, in which nobody is mentioned."""
    return f"<code>{re.sub(f'{REFERENCE}|{MARKUP}', lambda found: _entity(found[0]), _line(written))}</code>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table whose cells are texts."""
    return marked(head, [[text(cell) for cell in row] for row in rows], right)


def marked(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table whose cells are Markdown.

    Args:
      right: numbers of the columns that are aligned at their right.
    """
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _line(written: str) -> str:
    return printable(" ".join(written.split()), LONGEST)


def _harmless(found: re.Match[str]) -> str:
    return found[0] + APART if found["refers"] else found[0][:-1] + _entity(found[0][-1])


def _entity(character: str) -> str:
    return f"&#{ord(character)};"

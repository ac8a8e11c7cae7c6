"""Texts of files in Markdown are nothing but text: read by a parser of CommonMark with GitHub's tables."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from edgekit.report.markup import APART, marked, name, table, text
from edgekit.report.text import printable

EVIL = [
    "a | b",
    "a\\|b",
    "`x` ``y`` `",
    "*x* __y__ ~~z~~ _a_",
    "<img src=x onerror=alert(1)>",
    "<!-- -->",
    "</code></details>",
    "[x](http://e.vil) ![y](z)",
    "@everyone",
    "#12 !3 GH-1 %4 &5",
    "&lt; &#64;me",
    "$x$",
    "two\nlines\r\n\n# three",
    "# head",
    "12. item",
    "- item",
    "---",
    "https://e.vil www.e.vil",
    "\x1b[31m\u202e",
    "conv2d_1/BiasAdd",
]
words = st.one_of(st.sampled_from(EVIL), st.text(), st.text(alphabet="\\`*_[]<>|~$&;#@!-+=.:/()1a \n"))
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def plain(written):
    """What a person reads of a text."""
    return " ".join(printable(" ".join(written.split()), 1000).split())


def read(page):
    """The text of a page, and the elements in it."""
    found = re.findall(r"<(/?\w+)[^>]*>", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).replace("\u2060", "").split()), found


@given(words)
def test_a_text_is_read_as_it_was_written(written):
    page = PARSER.render(text(written))
    said, elements = read(page)
    assert said == plain(written).replace("\u2060", "")
    assert set(elements) <= {"p", "/p"}


@given(words)
def test_a_name_is_code_and_nothing_else(written):
    said, elements = read(PARSER.render(f"in {name(written)} here"))
    assert " ".join(said.split()) == " ".join(f"in {plain(written)} here".replace("\u2060", "").split())
    assert elements == ["p", "code", "/code", "/p"]


@given(st.lists(st.tuples(words, words), min_size=1, max_size=4))
def test_no_cell_breaks_a_table(rows):
    for page in (table(["a", "b"], rows), marked(["a", "b"], [[name(c) for c in row] for row in rows], right=[1])):
        rendered = PARSER.render(page)
        assert rendered.count("<tr>") == len(rows) + 1 and rendered.count("<td") == 2 * len(rows)
        assert set(read(rendered)[1]) <= {
            *"table thead tbody tr th td code /table /thead /tbody /tr /th /td /code".split()
        }


@pytest.mark.parametrize("written", ["@everyone", "see #12", "!3", "a@b"])
def test_nobody_is_mentioned_and_nothing_referred_to(written):
    assert APART in text(written)
    assert not re.search(r"[@#!](?=\w)", html.unescape(PARSER.render(text(written))))
    code = name(written)  # neither GitHub nor GitLab looks for mentions in code
    assert code.startswith("<code>") and "&#" in code

"""What the pages ask for works word by word, and what they show is what is printed."""

import ast
import re
from pathlib import Path

import page_steps
import pytest
from slow_part import all_but

PACKAGE = Path(__file__).parents[2] / "edgekit"
QUICK = ("tutorials/first-build.md", "how-to/troubleshooting.md")


@pytest.fixture(scope="session")
def projects(tmp_path_factory, worker_id) -> Path:
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "pages"


@pytest.mark.parametrize("page", all_but(QUICK, page_steps.pages_with("run")))
def test_a_page_works(page, projects):
    projects.mkdir(exist_ok=True)
    page_steps.carried_out(page, projects)


def test_quoted_messages_are_those_of_the_code():
    known = _templates()
    for page in page_steps.pages_with("message"):
        for step in page_steps.steps(page):
            if step.kind == "message":
                assert _said(" ".join(step.text.split()), known), f"{page}:{step.line + 1}: {step.text}"


def _templates() -> list[list[str]]:
    """The fixed parts of each text in the code, in their order."""
    found = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                values = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                found.append("".join(values).split("\0"))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append([node.value])
    return [[" ".join(part.split()) for part in parts] for parts in found]


def _said(message: str, known: list[list[str]]) -> bool:
    """Whether most of a message are the fixed parts of one text."""
    plain = message.replace("…", "")
    for parts in known:
        if sum(map(len, parts)) < 0.5 * len(plain):
            continue
        if re.search(".*".join(re.escape(part) for part in parts), message):
            return True
    return False

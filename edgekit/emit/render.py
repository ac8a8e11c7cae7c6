"""The templates of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def render(template: str, facts: dict[str, Any]) -> str:
    """A file of `templates/`, filled in."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # what comes out is C
    )
    return environment.get_template(template).render(facts)

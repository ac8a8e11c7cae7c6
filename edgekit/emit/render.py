"""Templates of C and of pages beside it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, facts: dict[str, Any], folder: Path = TEMPLATES) -> str:
    """A template of a folder, filled in."""
    return _environment(folder).get_template(template).render(facts)


@functools.cache
def _environment(folder: Path) -> jinja2.Environment:
    """Compiles each template of a folder once."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # what comes out is C
    )

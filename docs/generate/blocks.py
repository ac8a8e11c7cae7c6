"""The parts that pages can have, each a function from its arguments to Markdown."""

from collections.abc import Callable

from budget import limits
from commands import commands
from functions import function
from layers import followed, layers, refused
from report import fields_of, report
from settings import frontends, recipe, settings

BLOCKS: dict[str, Callable[..., str]] = {
    "commands": commands,
    "fields": fields_of,
    "followed": followed,
    "frontends": frontends,
    "function": function,
    "layers": layers,
    "limits": limits,
    "recipe": recipe,
    "refused": refused,
    "report": report,
    "settings": settings,
}

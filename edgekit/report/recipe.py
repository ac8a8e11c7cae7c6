"""A recipe in words."""

from __future__ import annotations

from typing import Any

import msgspec

from edgekit.config import encode
from edgekit.profile.recipe import Recipe

ALWAYS = ("scheme", "sparsity", "clusters")
"""Settings that are said even where they are the default."""
LAST = ("quantize", "shrink")
"""What comes after the techniques."""


def recipe_in_words(recipe: Recipe) -> str:
    """What is done, in order, with the settings that were chosen: "prune (sparsity 0.5), quantize (scheme int8)"."""
    parts = dict[str, Any](recipe.techniques) | {name: getattr(recipe, name) for name in LAST}
    said = [f"{name}{_chosen(part)}" for name, part in parts.items() if part]
    return ", ".join(said) or "as it is"


def _chosen(part: msgspec.Struct) -> str:
    """Its settings that are not the default, in parentheses."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(part)}
    said = [
        f"{name.replace('_', ' ')} {_words(encode(value))}"
        for name, value in msgspec.structs.asdict(part).items()
        if name in ALWAYS or value not in (defaults[name], None, (), {})
    ]
    return f" ({', '.join(said)})" if said else ""


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items() if inner is not None)
    if isinstance(value, (list, tuple)):
        return " ".join(map(_words, value))
    return f"{value:g}" if isinstance(value, float) else str(value)

"""Writes docs/reference/recipe.md: the settings of a recipe with types, defaults and meaning, from their types."""

import ast
import sys
from pathlib import Path

from msgspec import Struct
from msgspec.structs import fields

from edgekit.config import struct_of
from edgekit.profile.recipe import Recipe

ROOT = Path(__file__).parents[1]
HEAD = """# The recipe, setting by setting

Made by `python docs/settings.py` from the classes of settings that `edgekit/profile/recipe.py` names: of each technique
they stand in its own file, with the sources of the method.
[Compression](../how-to/compression.md) says which to choose. Patterns name layers as in a shell: `conv2d_*`.
"""


def main() -> None:
    """Writes the page."""
    (ROOT / "docs/reference/recipe.md").write_text(page())


def page() -> str:
    """The page, as the modules of settings are now."""
    tables = _tables("recipe", Recipe)
    modules = {base.__module__ for kind in tables.values() for base in kind.__mro__ if issubclass(base, Struct)}
    sources = [Path(file) for name in sorted(modules) if (file := sys.modules[name].__file__) and file.endswith(".py")]
    trees = [ast.parse(source.read_text()) for source in sources]
    classes = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    parts = [HEAD]
    for title, kind in tables.items():
        name = kind.__name__
        said = " ".join((ast.get_docstring(classes[name]) or "").split("\n\n")[0].split())
        rows = [f"| `{key}` | `{kind}` | {default} | {text} |" for key, kind, default, text in _fields(name, classes)]
        parts += [f"## {title}", said, "| setting | type | default | |\n|---|---|---|---|\n" + "\n".join(rows)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _tables(place: str, kind: type[Struct]) -> dict[str, type[Struct]]:
    """The types of all tables in a table, by what the page calls them."""
    tables = {f"`[{place}]`": kind}
    for field in fields(kind):
        if (inner := struct_of(field.type)) and field.name in ("student", "assistants"):
            tables["a student in recipe.distil"] = inner
        elif inner:
            tables |= _tables(f"{place}.{field.name}", inner)
    return tables


def _fields(name: str, classes: dict[str, ast.ClassDef]) -> list[tuple[str, str, str, str]]:
    """The fields of a class and of those that it derives from, its own first."""
    fields: dict[str, tuple[str, str, str, str]] = {}
    for node in [name, *(b.id for b in classes[name].bases if isinstance(b, ast.Name))]:
        if node not in classes:
            continue
        if node != name:
            fields |= {f[0]: f for f in _fields(node, classes) if f[0] not in fields}
            continue
        body = classes[node].body
        for field, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = ""
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    text = " ".join(str(after.value.value).split()).replace("|", "\\|")
                kind = ast.unparse(field.annotation).replace("|", "or")
                fields[field.target.id] = (field.target.id, kind, _default(field.value), text)
    return list(fields.values())


def _default(value: ast.expr | None) -> str:
    if value is None:
        return "required"
    said = ast.unparse(value)
    return "none" if said in ("None", "()") or said.startswith("field(") else f"`{said}`"


if __name__ == "__main__":
    main()

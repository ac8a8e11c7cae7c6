"""Writes docs/recipe.md: the settings of a recipe with types, defaults and meaning, from their types."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("profile/recipe.py", "compress/settings.py", "quantize/settings.py", "shrink/settings.py")
TABLES = {
    "Recipe": "recipe",
    "Channels": "recipe.channels",
    "Prune": "recipe.prune",
    "Cluster": "recipe.cluster",
    "Distil": "recipe.distil",
    "Student": "a student in recipe.distil",
    "Qat": "recipe.qat",
    "Quantize": "recipe.quantize",
}
HEAD = """# The recipe, setting by setting

Made by `python docs/settings.py` from `edgekit/profile/recipe.py` and the `settings.py` of `compress`, `quantize` and
`shrink`, where the sources of the methods stand.
[Compression](compression.md) says which to choose. Patterns name layers as in a shell: `conv2d_*`.
"""


def main() -> None:
    """Writes the page."""
    (ROOT / "docs/recipe.md").write_text(page())


def page() -> str:
    """The page, as the modules of settings are now."""
    trees = [ast.parse((ROOT / "edgekit" / file).read_text()) for file in FILES]
    classes = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    parts = [HEAD]
    for name, place in TABLES.items():
        title = f"## `[{place}]`" if ("." in place and " " not in place) or place == "recipe" else f"## {place}"
        said = " ".join((ast.get_docstring(classes[name]) or "").split("\n\n")[0].split())
        rows = [f"| `{key}` | `{kind}` | {default} | {text} |" for key, kind, default, text in _fields(name, classes)]
        parts += [title, said, "| setting | type | default | |\n|---|---|---|---|\n" + "\n".join(rows)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


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

"""A function of the package with its signature and docstring."""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable


def function(name: str) -> str:
    """`module:function` as a section's text: signature, purpose, arguments, what it raises."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    said = inspect.cleandoc(found.__doc__ or "")
    purpose, _, rest = said.partition("\n\n")
    parts = [f"```python\nfrom {module} import {attribute}\n\n{attribute}{_signature(found)}\n```"]
    parts.append(" ".join(purpose.split()))
    for section in rest.split("\n\n"):
        title, _, body = section.partition("\n")
        if title in ("Args:", "Returns:", "Raises:"):
            parts.append(f"{title}\n\n" + _items(body))
        elif section:
            parts.append(" ".join(section.split()))
    return "\n\n".join(parts)


def _signature(found: Callable[..., object]) -> str:
    """As it is written in the code."""
    node = ast.parse(textwrap.dedent(inspect.getsource(found))).body[0]
    assert isinstance(node, ast.FunctionDef) and node.returns
    values = [None] * (len(node.args.args) - len(node.args.defaults)) + node.args.defaults
    pairs = zip(node.args.args, values, strict=True)
    inside = [ast.unparse(name) + (f" = {ast.unparse(value)}" if value else "") for name, value in pairs]
    returned = ast.unparse(node.returns)
    text = f"({', '.join(inside)}) -> {returned}"
    return text if len(text) < 100 else "(\n    " + ",\n    ".join(inside) + f",\n) -> {returned}"


def _items(body: str) -> str:
    """Lines of `name: meaning` as a list."""
    text = inspect.cleandoc(body)
    items = [" ".join(item.split()) for item in re.split(r"\n(?=\S)", text)]
    return "\n".join("- " + re.sub(r"^([\w, ]+):", r"`\1`:", item) for item in items)

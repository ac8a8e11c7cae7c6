"""A function of the package with its signature and docstring."""

import importlib
import inspect
import re


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


def _signature(found) -> str:  # type: ignore[no-untyped-def]
    signature = inspect.signature(found)
    text = str(signature).replace("'", "")
    if len(text) < 100:
        return text
    inside = ",\n".join(f"    {parameter}".replace("'", "") for parameter in signature.parameters.values())
    returned = f" -> {signature.return_annotation}".replace("'", "")
    return f"(\n{inside},\n){returned}"


def _items(body: str) -> str:
    """Lines of `name: meaning` as a list."""
    text = inspect.cleandoc(body)
    items = [" ".join(item.split()) for item in re.split(r"\n(?=\S)", text)]
    return "\n".join("- " + re.sub(r"^([\w, ]+):", r"`\1`:", item) for item in items)

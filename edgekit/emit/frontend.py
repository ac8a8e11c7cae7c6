"""The C of a front-end, beside that of the model which takes its features."""

from __future__ import annotations

from edgekit.emit.literals import C_TYPES
from edgekit.emit.render import render
from edgekit.frontend.base import Frontend, Raw


def frontend_source(frontend: Frontend, raw: Raw, name: str) -> dict[str, str]:
    """`NAME_features.h` and `NAME_features.c`, C11 without heap and without floats.

    Args:
      raw: what the sensor gives for one sample.
      name: of the model in C.

    Returns:
      The text of each file by its name.

    Raises:
      ProjectError: what the sensor gives does not fit the settings.
    """
    facts = frontend.constants(raw) | {
        "name": name,
        "macro": name.upper(),
        "raw": raw,
        "raw_type": C_TYPES[raw.dtype],
        "shape": frontend.shape(raw),
        "step": frontend.step,
        "declarations": f"frontend/{frontend.template.replace('.c.', '.h.')}",
    }
    header = render("frontend/features.h.jinja", facts)
    return {f"{name}_features.h": header, f"{name}_features.c": render(f"frontend/{frontend.template}", facts)}

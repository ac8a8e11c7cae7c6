"""From what a sensor gives to the answer, in one call: the C of the front-end, and what joins it to the model's."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from edgekit.data.preprocessing import Preprocessing
from edgekit.emit.ends import End
from edgekit.emit.frontend import frontend_source
from edgekit.emit.identifier import c_identifier
from edgekit.emit.literals import C_TYPES
from edgekit.emit.render import render
from edgekit.emit.to_input import code_of, to_input
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.macs import elements
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import AnyFrontend

VALUES = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}
"""The least and the most that a sensor gives."""
WORD = 8
"""Bytes: at multiples of so many lie the parts of the arena."""


class Sensor(Struct, frozen=True):
    """What a sensor gives for one sample, and what is done to it before it is stored."""

    frontend: AnyFrontend
    raw: Raw
    preprocessing: Preprocessing


@stage("front-end", process=TOOLS, libraries=("numpy", "jinja2"))
def frontend_file(work: Work, frontend: AnyFrontend, raw: Raw, name: str) -> None:
    """Writes the front-end alone to `folder`, for a device to which no C of the model goes.

    Raises:
      ProjectError: the sensor's samples do not fit its settings.
    """
    for file, text in frontend_source(frontend, raw, c_identifier(name)).items():
        (work.folder / file).write_text(text, encoding="ascii")


def sensor_files(
    frontend: AnyFrontend | None, raw: Raw, said: Preprocessing, inputs: list[End], facts: dict[str, Any]
) -> dict[str, str]:
    """`NAME_features.h` and `NAME_features.c`, the front-end, where there is one; `NAME_sensor.h` and `NAME_sensor.c`,
    which store what it makes, or what the sensor gives, as the model's input, and run the model.

    Args:
      raw: what the sensor gives for one sample.
      said: how that, or its features, are preprocessed.
      inputs: of the model.
      facts: see `edgekit.emit.kit`.

    Returns:
      File name → text; the front-end alone where the model has not one quantized input.

    Raises:
      ProjectError: the sensor's samples do not fit the settings of the front-end.
    """
    name = facts["name"]
    made = frontend_source(frontend, raw, name) if frontend else {}
    if not (feeds(inputs) and facts["engines"]):
        return made
    end, given = inputs[0], (VALUES[raw.dtype], 1.0, raw.dtype)
    values, step, dtype = (frontend.bounds, frontend.step, "int16") if frontend else given
    code = code_of(to_input(said, end.spec, values, step), f"{name}_to_input", end.elements, C_TYPES[dtype], end.c_type)
    facts = facts | {"end": end, "raw": raw, "raw_type": C_TYPES[raw.dtype], "raw_elements": elements(raw.shape)}
    facts |= {"conversion": code, "word": WORD, "features": bool(frontend)}
    return made | {f"{name}_sensor.{kind}": render(f"sensor.{kind}.jinja", facts) for kind in "hc"}


def feeds(inputs: list[End]) -> bool:
    """Whether features, or samples, become what a model takes: one input of integers."""
    return len(inputs) == 1 and bool(inputs[0].most)

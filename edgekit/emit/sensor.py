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

WORD = 8
"""Bytes: at multiples of so many lie the parts of the arena."""


class Sensor(Struct, frozen=True):
    """What a sensor gives for one sample, and what is done to it before it is stored."""

    frontend: AnyFrontend
    raw: Raw
    preprocessing: Preprocessing


@stage("front-end", process=TOOLS, libraries=("numpy", "jinja2"))
def frontend_file(work: Work, sensor: Sensor, name: str) -> None:
    """Writes the front-end alone to `folder`, for a device to which no C of the model goes.

    Raises:
      ProjectError: the sensor's samples do not fit its settings.
    """
    for file, text in frontend_source(sensor.frontend, sensor.raw, c_identifier(name)).items():
        (work.folder / file).write_text(text, encoding="ascii")


def sensor_files(sensor: Sensor, inputs: list[End], facts: dict[str, Any]) -> dict[str, str]:
    """`NAME_features.h` and `NAME_features.c`, the front-end; `NAME_sensor.h` and `NAME_sensor.c`, which run it, store
    what it makes as the model's input, and run the model.

    Args:
      inputs: of the model.
      facts: see `edgekit.emit.kit`.

    Returns:
      File name → text; the front-end alone where the model has not one quantized input.

    Raises:
      ProjectError: the sensor's samples do not fit the settings of the front-end.
    """
    name, frontend, raw = facts["name"], sensor.frontend, sensor.raw
    made = frontend_source(frontend, raw, name)
    if not (feeds(inputs) and facts["engines"]):
        return made
    end = inputs[0]
    conversion = to_input(sensor.preprocessing, end.spec, frontend.bounds, frontend.step)
    code = code_of(conversion, f"{name}_to_input", end.elements, "int16_t", end.c_type)
    given = facts | {"end": end, "raw": raw, "raw_type": C_TYPES[raw.dtype], "raw_elements": elements(raw.shape)}
    given |= {"conversion": code, "word": WORD}
    return made | {f"{name}_sensor.{kind}": render(f"sensor.{kind}.jinja", given) for kind in "hc"}


def feeds(inputs: list[End]) -> bool:
    """Whether features become what a model takes: one input of integers."""
    return len(inputs) == 1 and bool(inputs[0].most)

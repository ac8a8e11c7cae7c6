"""What is handed over beside the model: what `outputs` says."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from edgekit.config import Settings


class Outputs(Settings, frozen=True):
    """What is handed over beside `model.tflite` and the reports."""

    c_standalone: bool = False
    """C11 without an interpreter, with the outputs of TFLM byte for byte."""
    c_kernels: str = ""
    """What standalone C computes with: `portable`, `dsp` or `cmsis-nn`; by default `dsp` where `hardware.cpu` has such
    instructions."""
    cmsis_nn: str = ""
    """Folder of CMSIS-NN, for its kernels."""
    c_tables: bool | None = None
    """Whether standalone C stores weights as indexes into tables where that takes fewer bytes; by default where
    `model.tflite` does."""
    c_array: bool = False
    """C sources for TFLM, with golden vectors, a self-test and pages for build systems."""
    c_name: str | None = None
    """Identifier of the C symbols; the model's name by default."""
    c_section: str | None = None
    """Linker section of the array, such as ".rodata.models"."""
    c_attribute: Literal["PROGMEM"] | None = None
    """`PROGMEM` puts the array into the flash of AVR boards."""
    samples: Annotated[int, Meta(ge=0, le=100)] = 12
    """Evaluation samples that `report.html` shows, of those that changed class; 0 keeps them out of it."""

"""What standalone C may be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from edgekit.ccode.library import check
from edgekit.ccode.piece import Kernels
from edgekit.config import nearest
from edgekit.emit.settings import Outputs
from edgekit.engine.python import project_folder
from edgekit.errors import TargetError


def check_outputs(outputs: Outputs) -> None:
    """What types cannot say.

    Raises:
      TargetError: there are no such kernels, or settings of standalone C stand there without it.
    """
    if outputs.c_tables is not None and not outputs.c_standalone:
        raise TargetError("outputs.c_tables: is of standalone C; set outputs.c_standalone = true")
    kernels = outputs.c_kernels
    if kernels and kernels not in get_args(Kernels):
        raise TargetError(f'outputs.c_kernels: there is no "{kernels}"; {nearest(kernels, list(get_args(Kernels)))}')
    if (kernels or outputs.cmsis_nn) and not outputs.c_standalone:
        name = "c_kernels" if kernels else "cmsis_nn"
        raise TargetError(f"outputs.{name}: is of standalone C; set outputs.c_standalone = true")
    if kernels == "cmsis-nn" and not outputs.cmsis_nn:
        raise TargetError("outputs.cmsis_nn: missing; write the folder with CMSIS-NN's Include and Source")
    if outputs.cmsis_nn and kernels != "cmsis-nn":
        raise TargetError('outputs.cmsis_nn: is for outputs.c_kernels = "cmsis-nn"; write that, or remove it')
    if outputs.cmsis_nn:
        place = project_folder() / Path(outputs.cmsis_nn).expanduser()
        check(str(place), "outputs.cmsis_nn", TargetError)

"""What simulated devices say of a model, operator by operator: a core that counts instructions, an NPU's compiler."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.npu.vela import NpuModel
from edgekit.types import Measurement

CORE = ["operator", "instructions", "share"]
NPU = ["operator", "layer", "runs on", "cycles", "share", "bound by", "MACs", "multipliers busy"]
OF = "instructions of "
"""How the measurement of an operator is called."""


def core_rows(measurements: Sequence[Measurement]) -> list[list[str]]:
    """A line per operator of the standalone C, under `CORE`."""
    found = [(m.name.removeprefix(OF), m.value) for m in measurements if m.name.startswith(OF) and m.value is not None]
    total = sum(value for _, value in found) or 1
    return [[name, f"{value:,.0f}", f"{100 * value / total:.1f} %"] for name, value in found]


def npu_rows(npu: NpuModel | None) -> list[list[str]]:
    """A line per operator as Vela schedules it, under `NPU`."""
    layers = npu.layers if npu else []
    total = sum(layer.cycles for layer in layers) or 1
    return [
        [
            layer.operator,
            layer.name,
            layer.target,
            f"{layer.cycles:,}",
            f"{100 * layer.cycles / total:.1f} %",
            layer.bound,
            f"{layer.macs:,}",
            f"{layer.utilization:.1f} %",
        ]
        for layer in layers
    ]

"""What simulated devices say of a model, operator by operator: a core that counts instructions, an NPU's compiler."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from edgekit.npu.vela import NpuModel
from edgekit.types import Measurement

CORE = ["operator", "instructions", "share"]
NPU = ["operator", "layer", "runs on", "cycles", "share", "bound by", "MACs", "multipliers busy"]
OF = "instructions of "
"""How the measurement of an operator is called."""


class Cost(Struct, frozen=True):
    """What a layer takes on a device."""

    operator: str
    layer: str
    amount: int
    """Instructions or cycles."""
    share: float
    """Of the whole, in percent."""
    width: float
    """Of its bar, in percent of the longest."""
    said: str = ""
    """What else is known of it."""


def core(measurements: Sequence[Measurement]) -> list[Cost]:
    """Instructions of each operator of the standalone C."""
    found = [m for m in measurements if m.name.startswith(OF) and m.value is not None]
    named = [m.name.removeprefix(OF).partition(" ") for m in found]
    return _costs([(kind, layer, int(m.value or 0), "") for (kind, _, layer), m in zip(named, found, strict=True)])


def npu(model: NpuModel | None) -> list[Cost]:
    """Cycles of each operator as Vela schedules it."""
    return _costs(
        [
            (
                layer.operator,
                layer.name,
                layer.cycles,
                f"{layer.utilization:.0f} % of the multipliers busy, bound by {layer.bound}"
                if layer.target == "NPU"
                else f"on the {layer.target}",
            )
            for layer in (model.layers if model else [])
        ]
    )


def _costs(found: Sequence[tuple[str, str, int, str]]) -> list[Cost]:
    total, most = (of(amount for _, _, amount, _ in found) if found else 1 for of in (sum, max))
    return [
        Cost(operator, layer, amount, 100 * amount / (total or 1), 100 * amount / (most or 1), said)
        for operator, layer, amount, said in found
    ]


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

"""The figures of what ships, as baselines, comparisons, histories and studies show them."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.measure.fidelity import NO_CLASSES
from edgekit.measure.limits import DEVICES
from edgekit.types import Measurement

ORDER = (
    *("model_size", "download_size", "arena", "flash", "ram", "instructions", "energy", "npu_coverage"),
    *("frontend_flash", "frontend_ram", "frontend_instructions"),
    *(
        "macs",
        "parameters",
        "nonzero",
        "accuracy",
        "accuracy_drop",
        "churn",
        "fidelity",
        "sqnr",
        "lost_outputs",
        "float_sqnr",
    ),
    *(
        "max_lsb",
        "skill",
        "metric",
        "stream_instructions",
        "stream_state",
        "detection_rate",
        "false_accepts",
        "detection_latency",
        "metric_loss",
        "latency_p50",
        "latency_p90",
        "latency_p99",
        "load_time",
        "speedup",
        "resident_memory",
    ),
)
"""Every figure that a budget may limit, and those that stand beside them; others follow."""
INNER = ("_change", "_min", "arena_")
"""Parts of names whose figures explain others."""


def figures(measurements: Sequence[Measurement], shipped: str) -> dict[str, Measurement]:
    """What was measured of what ships, by name: of the simulated device, else where no runtime took part, else of the
    runtime that ships. What is made of values as if they were classes is none.

    Args:
      shipped: that runtime; where a report does not say it, the first in order counts.
    """
    found: dict[str, Measurement] = {}
    for m in sorted(measurements, key=lambda m: _rank(m, shipped)):
        inner = any(part in m.name for part in INNER)
        told = m.value is not None and m.reason != NO_CLASSES
        if m.artifact == "model" and told and not inner and _rank(m, shipped) < len(DEVICES) + 3:
            found.setdefault(m.name, m)
    known = [name for name in ORDER if name in found]
    return {name: found[name] for name in [*known, *(name for name in found if name not in ORDER)]}


def of_device(m: Measurement) -> bool:
    """Whether simulated hardware gave it."""
    return m.engine in DEVICES


def _rank(m: Measurement, shipped: str) -> int:
    order = [*DEVICES, "", shipped or m.engine]
    runtime = m.engine
    return order.index(runtime) if runtime in order else len(DEVICES) + 3

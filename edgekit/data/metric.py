"""What a project says of its metric: one name, or one for each output; `edgekit.measure.metrics` measures it."""

from __future__ import annotations

import re

from edgekit.errors import ProjectError

LOWER = {"mae", "mse"}
"""Metrics of which less is better."""


def check_metric(name: str, where: str) -> None:
    """Refuses what is no metric.

    Raises:
      ProjectError: names those that there are.
    """
    for one in _by_output(name).values():
        if not (one in ("accuracy", "f1", "auc", *LOWER) or re.fullmatch(r"top-[1-9]\d*|[\w.]+:\w+", one)):
            raise ProjectError(
                f'{where}: there is no metric "{one}"; write accuracy, top-5, f1, auc, mae, mse or module:function'
            )


def metric_of(metric: str, output: str, number: int) -> str:
    """That of an output: a metric without a name is of the first one.

    Args:
      metric: of a model, as `ModelSpec.metric`.
      number: of the output, from 0.
    """
    by_output = _by_output(metric)
    return by_output.get(output) or (by_output.get("") if number == 0 else None) or "accuracy"


def functions(metric: str) -> list[str]:
    """The project's own, each `module:function`."""
    return [one for one in _by_output(metric).values() if ":" in one]


def _by_output(metric: str) -> dict[str, str]:
    """The metric of each output by its name; of the first one by none."""
    parts = (part.rpartition("=") for part in metric.split(";"))
    return {name: one for name, _, one in parts}

"""How a program registers with TFLM exactly the operators of a model."""

from __future__ import annotations

from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph
from edgekit.runtimes.tflm_operators import BUILTIN, CUSTOM


def registrations(graph: Graph) -> tuple[str, ...]:
    """The resolver's methods that register exactly the operators of a model, in alphabetical order.

    Raises:
      ModelError: TFLM has no kernel for some of them; the message names all.
    """
    operators = {(operator.name, operator.custom) for operator in graph.operators}
    methods = {(CUSTOM if custom else BUILTIN).get(name) for name, custom in operators}
    if None in methods:
        absent = sorted(name for name, custom in operators if name not in (CUSTOM if custom else BUILTIN))
        raise ModelError(
            f"TFLM has no kernel for {', '.join(absent)}; replace it in the model, or write one and register it with "
            "AddCustom"
        )
    return tuple(sorted(method for method in methods if method))

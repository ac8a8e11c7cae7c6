"""LiteRT with its reference kernels (`BUILTIN_REF`): plain C++, without XNNPACK."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from edgekit.runtimes import litert
from edgekit.runtimes.interpreter import InterpreterSession

RUNTIME = replace(litert.RUNTIME, name="litert-reference", module=__name__)
load = litert.load


def open_session(path: str, threads: int) -> InterpreterSession:
    """See `edgekit.runtimes.open_session`."""
    from ai_edge_litert.interpreter import OpResolverType

    reference = partial(load(), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    return InterpreterSession(RUNTIME.name, RUNTIME.version, reference, path, threads)

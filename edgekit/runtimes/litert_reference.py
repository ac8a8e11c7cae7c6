"""LiteRT with its reference kernels (`BUILTIN_REF`): plain C++, without XNNPACK."""

from __future__ import annotations

from functools import partial

from edgekit.runtimes import REFERENCE, installed
from edgekit.runtimes.interpreter import InterpreterSession
from edgekit.runtimes.litert import load


def open_session(path: str, threads: int) -> InterpreterSession:
    """See `edgekit.runtimes.open_session`."""
    from ai_edge_litert.interpreter import OpResolverType

    reference = partial(load(), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    return InterpreterSession(REFERENCE, installed(REFERENCE) or "", reference, path, threads)

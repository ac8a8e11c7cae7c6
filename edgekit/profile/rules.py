"""What a runtime must be able to do for a recipe."""

from __future__ import annotations

from edgekit.quantize.settings import Quantize
from edgekit.runtimes import RUNTIMES, engine
from edgekit.runtimes.session import Runtime


def scheme_refusal(name: str, settings: Quantize) -> str:
    """Why a runtime does not execute what a recipe quantizes to; "" where it does."""
    lacking = _lacking(engine(name), settings)
    if not lacking:
        return ""
    others = [other for other in RUNTIMES if not _lacking(engine(other), settings)]
    would = f"; {', '.join(others)} would" if others else ""
    if lacking[0] in engine(name).schemes:
        return (
            f'"{name}" executes {lacking[0]} with one scale for each weight: write granularity = "tensor", or choose '
            f"another scheme{would}"
        )
    return f'"{name}" does not execute {lacking[0]}; it takes int8, {", ".join(sorted(engine(name).schemes))}{would}'


def _lacking(runtime: Runtime, settings: Quantize) -> list[str]:
    """What a recipe quantizes to and a runtime does not execute."""
    wanted: list[str] = [settings.scheme] if settings.scheme != "int8" else []
    wanted += [place for place in ("int16_layers", "float_layers") if getattr(settings, place)]
    taken = runtime.schemes if settings.granularity == "tensor" else runtime.schemes - runtime.by_tensor
    return [place for place in wanted if place not in taken]

"""Layers as the user named them, wherever a report speaks of the operators that were made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from edgekit.engine.make import Scope
from edgekit.flatbuffer.anatomy import Anatomy, anatomy
from edgekit.npu.vela import NpuModel
from edgekit.product import Product
from edgekit.report.device import OF
from edgekit.types import Agreement, Measurement

TENSOR = re.compile(r"[^\s;:,'\"()]+/[^\s;:,'\"()]+")
"""A name in a sentence that holds a layer and an operation."""


def parts_of(product: Product, scope: Scope) -> Anatomy:
    """What ships, taken apart."""
    made = anatomy(product.shipped, product.names_of(product.shipped), product.facts.names)
    return scope.apart().make(made).value


def layers_of(parts: Anatomy) -> dict[str, str]:
    """The layer of each operator, by what tools call it: the first, or the plainest, of its tensor's names."""
    found = dict[str, str]()
    for layer in parts.layers:
        names = layer.tensor.split(";")
        found = dict.fromkeys((names[0], min(names, key=len)), layer.name) | found
    return found


def of_npu(npu: NpuModel, layers: Mapping[str, str]) -> NpuModel:
    """What Vela says, of layers."""
    fallbacks = [replace(f, tensor=layers.get(f.tensor.split(";")[0], f.tensor)) for f in npu.fallbacks]
    named = [replace(layer, name=layers.get(layer.name, layer.name)) for layer in npu.layers]
    return replace(npu, fallbacks=fallbacks, layers=named)


def of_core(measurements: Iterable[Measurement], layers: Mapping[str, str]) -> list[Measurement]:
    """What a core says, of layers; a second operator of the same kind in a layer has a number."""
    found, seen = list[Measurement](), dict[str, int]()
    for m in measurements:
        if m.name.startswith(OF):
            kind, _, label = m.name.removeprefix(OF).partition(" ")
            name = f"{OF}{kind} {layers.get(label, label)}"
            seen[name] = number = seen.get(name, 0) + 1
            m = replace(m, name=name if number == 1 else f"{name} ({number})")
        found.append(m)
    return found


def in_text(text: str, layers: Mapping[str, str]) -> str:
    """A sentence that speaks of layers instead of their tensors."""
    return TENSOR.sub(lambda found: layers.get(found[0], found[0]), text)


def of_runtimes(agreements: Iterable[Agreement], layers: Mapping[str, str]) -> list[Agreement]:
    """Where runtimes part, of layers."""
    return [
        replace(a, first=replace(a.first, layer=layers.get(a.first.layer, a.first.layer))) if a.first else a
        for a in agreements
    ]

"""What to change in the recipe, each with the evidence for it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import accumulate
from typing import Literal

from edgekit.analyze.better_ranges import WORTH_DB, cut_ranges, fine, widened_ranges
from edgekit.analyze.findings import Advice, Evidence, WeightError
from edgekit.analyze.trace import Place, Trace
from edgekit.flatbuffer.linear import KINDS
from edgekit.quantize.equalize import pairs
from edgekit.quantize.settings import Quantize

UNEVEN = 8.0
"""How many times larger than the median channel's a tensor's range is where equalization is worth trying."""
BIASED = 0.1
"""Share of the noise that is a constant error of each channel, from which bias correction is worth trying."""
COARSE_DB = 25.0
"""SQNR of an operator on its own below which eight bits are too few for it."""
LOST_DB = 15.0
"""SQNR of an output below which training with rounding is worth its time."""
CLIPPED = 0.25
"""Share of the noise that may be from clipping: neither a bias nor more bits help against that."""
MOST = 3
"""Layers in int16 that are advised at once."""


def advise(seen: Trace, weights: list[WeightError], reference: bytes, settings: Quantize) -> tuple[Advice, ...]:
    """All advice that the evidence supports, the one with the greatest gain first.

    Args:
      weights: the findings on the weights.
      reference: the float `.tflite`, for which layers lie between which.
      settings: of the quantization; what is set already is not advised.
    """
    layers = [p for p in seen.places if p.operator and p.operator.name in KINDS and p.weights_alone.values and p.signal]
    parts = [
        cut_ranges(seen.places, settings),
        widened_ranges(seen.places, settings),
        None if settings.equalize else _equalize(layers, reference),
        None if settings.bias_correction else _correct_bias(layers, seen.places),
        None if settings.rounding == "gptq" else _round_better(layers),
        _per_channel(weights) if settings.granularity == "tensor" else None,
        _more_bits(layers, seen.places) if settings.scheme == "int8" and not settings.int16_layers else None,
        _remove(weights),
        _train(seen.places),
    ]
    found = [part for part in parts if part and part.evidence]
    return tuple(sorted(found, key=lambda a: max((e.gain_db or 0.0 for e in a.evidence), default=0.0), reverse=True))


def _equalize(layers: list[Place], reference: bytes) -> Advice:
    linked = {pair.first.output for pair in pairs(reference)}
    return Advice(
        ("recipe.quantize.equalize=true",),
        "channels of very different ranges share one scale, and the small ones get few of its steps",
        _strongest(_uneven(p) for p in layers if p.twin.index in linked and p.quantized),
    )


def _uneven(place: Place) -> Evidence | None:
    """What the median channel would gain with a range of its own."""
    import numpy as np

    largest = place.channel_largest
    heard = largest > 0
    if heard.sum() < 2 or largest.max() < UNEVEN * np.median(largest[heard]):
        return None
    signal = place.channel_signal[heard] / (place.values / len(largest))
    rounding = place.tensor.scales[0] ** 2 / 12
    now = np.minimum(rounding, signal)  # a channel below half a step is lost, and no more than that
    then = rounding * (largest[heard] / largest.max()) ** 2
    gain = float(np.median(10 * np.log10(now / then)))
    share = 100 * float(np.median(largest[heard]) / largest.max())
    text = f"half of the {len(largest)} channels use less than {share:.2g} % of the range; equalized ranges gain the"
    return _evidence(place, f"{text} median channel at most {gain:.1f} dB", gain, "at most")


def _correct_bias(layers: list[Place], places: list[Place]) -> Advice:
    worst = list(accumulate(map(_clipping, places), max))

    def evidence(place: Place) -> Evidence | None:
        if worst[places.index(place)] > CLIPPED * place.accumulated.mean_square * place.values / place.signal:
            return None
        if fine(place, place.accumulated) or not place.operator or place.operator.inputs[2:3] in ((), (-1,)):
            return None  # has no bias that could be changed
        share = place.bias_share
        gain = -10 * math.log10(max(1 - share, 1e-9))
        text = (
            f"{100 * share:.0f} % of the noise is a constant error of each channel; without it {gain:.1f} dB are gained"
        )
        return _evidence(place, text, gain, "predicted") if share >= BIASED else None

    return Advice(
        ("recipe.quantize.bias_correction=true",),
        "the error has a mean, which biases can take away",
        _strongest(map(evidence, layers)),
    )


def _round_better(layers: list[Place]) -> Advice:
    def evidence(place: Place) -> Evidence | None:
        whole, part = place.operator_alone.mean_square, place.weights_alone.mean_square
        rest = whole - part
        if part < whole / 2 or rest <= 0 or fine(place, place.operator_alone):
            return None
        gain = 10 * math.log10(whole / rest)
        text = (
            f"{100 * part / whole:.0f} % of the operator's own noise is from its weights; better rounding gains at most"
        )
        return _evidence(place, f"{text} {gain:.1f} dB", gain, "at most")

    return Advice(
        ("recipe.quantize.rounding=gptq",),
        "the rounding of the weights makes most of the error of some layers",
        _strongest(map(evidence, layers)),
    )


def _per_channel(weights: list[WeightError]) -> Advice:
    found = []
    for w in weights:
        gain = (w.symmetric_db or 0.0) - (w.per_tensor_db or 0.0)
        if w.scales == 1 and w.per_tensor_db is not None and gain >= WORTH_DB:
            text = (
                f"the largest weight is {w.channel_spread:.1f} times that of the median channel; scales of their own "
            )
            found.append(
                Evidence(w.name, w.layer, f"{text}gain the weights {gain:.1f} dB", round(gain, 2), "predicted")
            )
    return Advice(
        ("recipe.quantize.granularity=channel",), "all channels' weights share one scale", _strongest(iter(found))
    )


def _more_bits(layers: list[Place], places: list[Place]) -> Advice:
    clipping = {p.tensor.index: _clipping(p) for p in places}

    def evidence(place: Place) -> Evidence | None:
        near = (place.tensor.index, *(place.operator.inputs if place.operator else ()))
        worst = max(clipping.get(i, 0.0) for i in near)
        if worst > CLIPPED * place.operator_alone.mean_square * place.values / place.signal:
            return None
        whole, part = place.operator_alone.mean_square, place.weights_alone.mean_square
        if not whole or part >= whole:
            return None
        sqnr = 10 * math.log10(place.signal / place.values / whole)
        gain = 10 * math.log10(whole / part) if part else None
        text = f"on its own it has an SQNR of {sqnr:.1f} dB; with int16 activations only the weights' error is left"
        told = "" if gain is None else f", which gains {gain:.1f} dB"
        return _evidence(place, text + told, gain, "predicted") if sqnr < COARSE_DB else None

    found = _strongest(map(evidence, layers))[:MOST]
    names = sorted({e.layer for e in found})
    return Advice(
        (f"recipe.quantize.int16_layers={json.dumps(names)}",), "eight bits are too few for some activations", found
    )


def _remove(weights: list[WeightError]) -> Advice | None:
    dead = [w for w in weights if w.dead]
    if not dead:
        return None
    number = {w.name: len(w.channel_db) for w in dead}
    share = min(len(w.dead) / number[w.name] for w in dead)
    return Advice(
        (f"recipe.channels.sparsity={math.floor(share * 100) / 100:g}",),
        "channels whose weights are all zero cost size and time, and removing them loses nothing but their bias",
        tuple(
            Evidence(
                w.name, w.layer, f"{len(w.dead)} of {number[w.name]} channels have only zeros", None, "not predicted"
            )
            for w in sorted(dead, key=lambda w: -len(w.dead) / number[w.name])
        ),
    )


def _train(places: list[Place]) -> Advice | None:
    last = places[-1]
    noise = last.accumulated.mean_square
    if not noise or not last.signal:
        return None
    sqnr = 10 * math.log10(last.signal / last.values / noise)
    if sqnr >= LOST_DB:
        return None
    evidence = _evidence(last, f"the output has an SQNR of {sqnr:.1f} dB", None, "not predicted")
    return Advice(("recipe.qat.epochs=1",), "little of the signal is left at the output", (evidence,))


def _clipping(place: Place) -> float:
    """Noise of clipping over the signal: what a tensor's own error has beyond rounding."""
    rounding = place.tensor.scales[0] ** 2 / 12 if place.quantized else 0.0
    return max(0.0, place.alone.mean_square - rounding) * place.values / place.signal if place.signal else 0.0


def _evidence(
    place: Place, text: str, gain: float | None, basis: Literal["predicted", "at most", "not predicted"]
) -> Evidence:
    if gain is None:
        basis = "not predicted"
    return Evidence(place.tensor.name, place.layer, text, None if gain is None else round(gain, 2), basis)


def _strongest(found: Iterator[Evidence | None]) -> tuple[Evidence, ...]:
    """Evidence that is worth a word, the greatest gain first."""
    worth = [e for e in found if e and (e.gain_db is None or e.gain_db >= WORTH_DB)]
    return tuple(sorted(worth, key=lambda e: -(e.gain_db or 0.0)))

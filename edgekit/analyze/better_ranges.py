"""Whether another range would serve the activations better, from their histograms."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from edgekit.analyze.findings import Advice, Evidence
from edgekit.analyze.histogram import Bins, best_range, bins, kept_range, noise
from edgekit.analyze.trace import Noise, Place
from edgekit.quantize.settings import Quantize

PERCENTILES = (99.0, 99.5, 99.9, 99.95, 99.99, 99.999)
FIXED = {"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"}
"""Operators whose output has a range that the TensorFlow Lite 8-bit quantization specification prescribes."""
AGREES_DB = 0.5
"""How near a histogram comes to the noise that was measured where its predictions are to be trusted. Values of few
kinds, as the bytes of an image, are not spread over its bins."""
WORTH_DB = 1.0
"""The least gain of a tensor that is worth a word."""
FINE_DB = 40.0
"""SQNR above which none is: the error is less than 1 % of the signal."""
MEAN_DB = 0.5
"""The least mean gain: what one tensor gains others may lose."""
ENOUGH = 0.8
"""Share of the gain of the best ranges at which one percentile for all tensors is preferred to them."""


class Gain(NamedTuple):
    """What a range would do for one tensor."""

    place: Place
    decibels: float
    cut: float
    """Share of the values outside of the new range, in percent,"""
    held: float
    """and how much of the present range is theirs, in percent."""


def cut_ranges(places: list[Place], settings: Quantize) -> Advice | None:
    """The method of calibration with the least noise; the mean gain over all tensors decides.

    A method finds a range in the histogram of the calibration set. Its noise is that of the samples' histogram, clipped
    and rounded; the present range's is computed the same way.
    """
    spreads = [(p, found, bins(p.calibrated)) for p, found in _spreads(places)]
    methods = {
        f"percentile {share:g}": (
            share,
            [_gain(p, found, _within(kept_range(seen, share), p.reach)) for p, found, seen in spreads],
        )
        for share in PERCENTILES
        if (settings.calibration, settings.percentile) != ("percentile", share)
    }
    if settings.calibration != "mse":
        mse = [_gain(p, found, _within(best_range(seen, _levels(p)), p.reach)) for p, found, seen in spreads]
        methods["calibration mse"] = (0.0, mse)
    means = {name: sum(g.decibels for g in gains) / max(1, len(gains)) for name, (_, gains) in methods.items()}
    ordered = sorted(means, key=lambda name: means[name], reverse=True)
    # One percentile for all is simpler than a search for each, and preferred where it does nearly as well.
    simple = [n for n in ordered if methods[n][0] and means[n] >= ENOUGH * means[ordered[0]]]
    name = (simple or ordered)[0]
    share, gains = methods[name]
    worth = _worth(gains)
    if not worth or means[name] < MEAN_DB:
        return None
    worst = min(gains, key=lambda g: g.decibels)
    loses = f"; {worst.place.layer} loses {-worst.decibels:.1f} dB" if worst.decibels < -0.5 else ""
    return Advice(
        ("recipe.quantize.calibration=percentile", f"recipe.quantize.percentile={share:g}")
        if share
        else ("recipe.quantize.calibration=mse",),
        f"a few large values make the steps coarse for all others: {name} gains {means[name]:.1f} dB on average over "
        f"{len(gains)} tensors{loses}",
        tuple(
            _evidence(
                g,
                f"{g.cut:.2g} % of the activations hold {g.held:.0f} % of the range; {name} gains {g.decibels:.1f} dB",
                "predicted",
            )
            for g in worth
        ),
    )


def widened_ranges(places: list[Place], settings: Quantize) -> Advice | None:
    """Whether the calibration set lacked values that the present samples have, or its method cut off too many."""
    worth = _worth([_gain(p, found, (p.low, p.high)) for p, found in _spreads(places) if p.clipped])
    if not worth:
        return None
    more = f"recipe.quantize.calibration_samples={4 * settings.calibration_samples}"
    return Advice(
        (more,) if settings.calibration == "minmax" else ("recipe.quantize.calibration=minmax",),
        "values beyond the range are clipped: the calibration set did not have them, or its method cut them off",
        tuple(
            _evidence(
                g,
                f"{100 * g.place.clipped / g.place.values:.2g} % of the activations are clipped; a range that has all "
                f"gains at most {g.decibels:.1f} dB",
                "at most",
            )
            for g in worth
        ),
    )


def _spreads(places: list[Place]) -> list[tuple[Place, Bins]]:
    """The tensors whose range calibration decides, and that a histogram describes."""
    by_index = {p.tensor.index: p for p in places}
    return [(p, found) for p in places if _free(p, by_index) and _agrees(p, found := bins(p.counts))]


def fine(place: Place, noise: Noise) -> bool:
    """Whether an error is too small to be worth a change."""
    return noise.mean_square * 10 ** (FINE_DB / 10) <= place.signal / place.values


def _worth(gains: list[Gain]) -> list[Gain]:
    worth = (g for g in gains if g.decibels >= WORTH_DB and not fine(g.place, g.place.alone))
    return sorted(worth, key=lambda g: -g.decibels)


def _evidence(gain: Gain, text: str, basis: Literal["predicted", "at most"]) -> Evidence:
    return Evidence(gain.place.tensor.name, gain.place.layer, text, round(gain.decibels, 2), basis)


def _within(new: tuple[float, float], reach: tuple[float, float]) -> tuple[float, float]:
    """The range without what the last bin has beyond the last value."""
    return max(new[0], reach[0]), min(new[1], reach[1])


def _free(place: Place, by_index: dict[int, Place]) -> bool:
    """Whether calibration decides the tensor's range: it is neither prescribed, nor that of what the operator reads."""
    if not place.quantized or not place.signal:
        return False
    if place.operator is None:
        return True
    read = by_index.get(place.operator.inputs[0])
    return place.operator.name not in FIXED and (read is None or read.tensor.scales != place.tensor.scales)


def _agrees(place: Place, found: Bins) -> bool:
    """Whether the histogram tells the noise of the present range as it was measured."""
    told, measured = noise(found, *place.ends, _levels(place)), place.alone.mean_square
    return told > 0 and measured > 0 and abs(10 * math.log10(told / measured)) <= AGREES_DB


def _levels(place: Place) -> int:
    return 65534 if place.tensor.dtype == "int16" else 255


def _gain(place: Place, found: Bins, new: tuple[float, float]) -> Gain:
    import numpy as np

    levels, old = _levels(place), place.ends
    if place.tensor.dtype == "int16":  # is symmetric
        new = (-max(-new[0], new[1]), max(-new[0], new[1]))
    before, after = noise(found, *old, levels), noise(found, *new, levels)
    decibels = 10 * math.log10(before / after) if before > 0 and after > 0 else 0.0
    outside = np.sum(found.counts[(found.low >= new[1]) | (found.high <= new[0])])
    width = (new[1] - new[0]) / (old[1] - old[0])
    return Gain(place, decibels, float(100 * outside / found.total), 100 * max(0.0, 1 - width))

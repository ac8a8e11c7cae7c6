"""What quantization should cost: the error that a distribution of values expects of clipping and rounding.

A value x is stored as the nearest of the multiples of a step within [low, high]. Noise is the mean square of the error.

Source: Widrow and Kollár 2008, "Quantization Noise", chapter 5 (uniform); Banner et al. 2019, "Post training 4-bit
quantization of convolutional networks for rapid-deployment", section 4 (Gaussian and Laplace), here for any center and
ends, and with the rounding of the values that are not clipped.
"""

from __future__ import annotations

import math
from statistics import NormalDist


def rounding_noise(step: float) -> float:
    """Noise of rounding to multiples of a step: the variance of an error that is uniform within half a step."""
    return step**2 / 12


def sqnr_db(signal: float, noise: float) -> float | None:
    """Ratio of two mean squares in dB; None where one of them is zero."""
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None


def gaussian_excess(limit: float, center: float, deviation: float) -> float:
    """E[(x - limit)²; x > limit] of a Gaussian: what clipping at an upper limit costs.

    With z = (limit - center) / deviation it is deviation² ((1 + z²) Φ(-z) - z φ(z)).
    """
    z = (limit - center) / deviation
    normal = NormalDist()
    return max(0.0, deviation**2 * ((1 + z * z) * normal.cdf(-z) - z * normal.pdf(z)))


def laplace_excess(limit: float, center: float, b: float) -> float:
    """E[(x - limit)²; x > limit] of a Laplace distribution: b² exp(-(limit - center) / b), where the limit is above
    the center; below it, the second moment about the limit without what lies under the limit.
    """
    distance = (limit - center) / b
    if distance >= 0:
        return b * b * math.exp(-distance)
    return 2 * b * b + (b * distance) ** 2 - b * b * math.exp(distance)


def laplace_cdf(x: float, center: float, b: float) -> float:
    """P(value <= x) of a Laplace distribution."""
    distance = (x - center) / b
    return 0.5 * math.exp(distance) if distance < 0 else 1 - 0.5 * math.exp(-distance)


def gaussian_noise(low: float, high: float, step: float, center: float, deviation: float) -> float:
    """Expected noise of Gaussian values: what is above and below the range is clipped, the rest is rounded."""
    clipping = gaussian_excess(high, center, deviation) + gaussian_excess(-low, -center, deviation)
    normal = NormalDist(center, deviation)
    return clipping + rounding_noise(step) * (normal.cdf(high) - normal.cdf(low))


def laplace_noise(low: float, high: float, step: float, center: float, b: float) -> float:
    """Expected noise of Laplace values: what is above and below the range is clipped, the rest is rounded."""
    clipping = laplace_excess(high, center, b) + laplace_excess(-low, -center, b)
    return clipping + rounding_noise(step) * (laplace_cdf(high, center, b) - laplace_cdf(low, center, b))


def gaussian_log_likelihood(deviation: float) -> float:
    """Mean log-likelihood of values under the Gaussian that fits them best, in nats: -(1 + ln 2πσ²) / 2."""
    return -0.5 * (1 + math.log(2 * math.pi * deviation**2))


def laplace_log_likelihood(b: float) -> float:
    """Mean log-likelihood of values under the Laplace distribution that fits them best, in nats: -1 - ln 2b."""
    return -1 - math.log(2 * b)

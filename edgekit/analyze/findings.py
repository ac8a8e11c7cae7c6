"""What an explanation of a quantized model says, as types. Published as `edgekit.explanation/1`.

Shares are in percent (0 to 100). An SQNR is in dB, and None where there is no error, or no signal.
"""

from typing import Final, Literal

from msgspec import Struct

EXPLANATION: Final = "edgekit.explanation/1"


class Error(Struct, frozen=True):
    """How far values are from those of the float model."""

    sqnr_db: float | None
    mean: float
    """Signed: quantized minus float."""
    mean_absolute: float
    largest: float
    """Absolute."""
    noise: float
    """Mean square."""


class ErrorModel(Struct, frozen=True):
    """What a distribution expects of the quantizer's error, and how well it describes what was seen.

    Zeros are stored without error, so that the models describe the other values.
    """

    name: Literal["uniform", "gaussian", "laplace"]
    """`uniform`: of the rounding error, within half a step; the others: of the values."""
    folded: bool
    """Whether all values have one sign, as after ReLU, and the distribution is one half of a symmetric one."""
    center: float
    scale: float
    """Step of the uniform one, standard deviation of the Gaussian, b of the Laplace distribution."""
    noise: float
    """Expected mean square of clipping and rounding."""
    sqnr_db: float | None
    ratio: float | None
    """Measured noise over the expected one."""
    distance: float
    """Kolmogorov-Smirnov: the largest difference of the two distribution functions, 0 to 1."""
    log_likelihood: float
    """Of a value, in nats; the better model has the greater one. For `uniform`, of a rounding error in steps: 0."""


class ChannelStatistics(Struct, frozen=True):
    """How a tensor's channels differ (its last axis)."""

    number: int
    spread: float
    """Largest absolute value of the tensor over that of its median channel that is not all zero."""
    silent: int
    """Channels that are zero in all samples."""
    bias_share: float
    """Percent of the accumulated noise that is a constant error of each channel: what a bias could take away."""


class TensorError(Struct, frozen=True):
    """One tensor of the quantized model against the same of the float model."""

    position: int
    """In the order of execution."""
    name: str
    layer: str
    operator: str
    """That makes it, `input` where none does."""
    dtype: str
    shape: tuple[int, ...]
    low: float
    """Least value of the float model,"""
    high: float
    """and the greatest."""
    zeros: float
    """Percent of the float model's values."""
    scale: float
    """real = scale * (stored - zero_point); 0.0 where the tensor is not quantized."""
    zero_point: int
    range_low: float
    """Least value that can be stored,"""
    range_high: float
    """and the greatest."""
    clipped: float
    """Percent of the values outside of that, by more than half a step."""
    alone: Error | None
    """The float model's values through this tensor's quantization, and nothing else quantized."""
    operator_alone: Error | None
    """The quantized operator fed with the float model's values: its inputs, weights and output are quantized, and
    nothing before it."""
    weights_alone: Error | None
    """The float operator fed with the float model's values, its weights those of the quantized model."""
    accumulated: Error
    """The whole quantized model up to here."""
    models: tuple[ErrorModel, ...]
    channels: ChannelStatistics | None


class WeightError(Struct, frozen=True):
    """The weights of one operator, quantized and as they were. Lists have an entry a channel."""

    name: str
    layer: str
    operator: str
    dtype: str
    shape: tuple[int, ...]
    axis: int
    """Of the output channels."""
    scales: int
    """How many there are: 1, or one a channel."""
    low: float
    high: float
    mean: float
    deviation: float
    kurtosis: float
    """Excess: 0 for a Gaussian, 3 for a Laplace distribution."""
    zeros: float
    """Percent."""
    dead: tuple[int, ...]
    """Channels whose weights are all zero."""
    outliers: float
    """Largest absolute weight over the 99.9th percentile."""
    channel_spread: float
    """Largest absolute weight over that of the median channel."""
    sqnr_db: float | None
    """Of the weights that ship."""
    symmetric_db: float | None
    """Rounded to nearest with a range for each channel, symmetric about zero,"""
    asymmetric_db: float | None
    """from the channel's least to its greatest weight,"""
    per_tensor_db: float | None
    """and with one symmetric range for all channels."""
    channel_db: tuple[float | None, ...]
    channel_symmetric_db: tuple[float | None, ...]
    channel_asymmetric_db: tuple[float | None, ...]
    models: tuple[ErrorModel, ...]
    """Gaussian and Laplace, for the symmetric range over the whole tensor."""


class Evidence(Struct, frozen=True):
    """What was found at one place that speaks for a change."""

    tensor: str
    layer: str
    text: str
    gain_db: float | None
    """Of the SQNR there, where it can be told."""
    basis: Literal["predicted", "at most", "not predicted"]
    """`predicted`: computed from what was measured; `at most`: an upper bound."""


class Advice(Struct, frozen=True):
    """A change of the recipe, and why."""

    settings: tuple[str, ...]
    """For `--set`, as in `recipe.quantize.calibration=percentile`."""
    text: str
    evidence: tuple[Evidence, ...]
    """The strongest first."""


class Explanation(Struct, frozen=True):
    """Where a quantized model's accuracy goes."""

    schema: Literal["edgekit.explanation/1"]
    samples: int
    runtime: str
    """That executed both models, with its version."""
    float_sha256: str
    model_sha256: str
    outputs: tuple[str, ...]
    """Names of the tensors that leave the model."""
    tensors: tuple[TensorError, ...]
    """In the order of execution."""
    weights: tuple[WeightError, ...]
    unmatched: tuple[str, ...]
    """Tensors of the quantized model that the float model has no match for."""
    advice: tuple[Advice, ...]
    """The one with the greatest gain first."""

"""The words of edgekit as types: what stages, runtimes, budgets and reports hand to each other.

All are frozen. Everything here can be written as JSON and read back by `msgspec`.
"""

from typing import Literal

from msgspec import Struct

Source = Literal["measured", "simulated", "estimated"]
VerdictWord = Literal["pass", "fail", "inconclusive", "skipped"]


class Artifact(Struct, frozen=True):
    """A file with a hash."""

    kind: str
    """`keras`, `tflite`, `data`, `predictions`, `c`, …"""
    path: str
    """Where the file lies."""
    bytes: int
    sha256: str


class TensorSpec(Struct, frozen=True):
    """An input or output of a model, as one sample sees it (the batch dimension, 1, included)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """NumPy's name: `int8`, `float32`, …"""
    scale: float = 0.0
    """real = scale * (stored - zero_point); 0.0 where the tensor is not quantized."""
    zero_point: int = 0


class Measurement(Struct, frozen=True):
    """A value with its unit, its interval, and where it comes from.

    A measurement that failed has no value but a `reason`.
    """

    name: str
    value: float | None
    unit: str
    """`B`, `ns`, `%` (0 to 100), `points`, `dB`, `x` (a ratio), `1` (a count)."""
    source: Source = "measured"
    runtime: str = ""
    """Name and version, such as `litert 2.3.0`; empty where no runtime took part."""
    samples: int = 1
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    """Upper end of the 95 % interval."""
    artifact: Literal["model", "compressed", "float"] = "model"
    """Which file was measured: the one that ships, the same before quantization, or the float model as it was given."""
    reason: str = ""
    """Why there is no value, or what the reader should know about it."""


class StageRow(Struct, frozen=True):
    """What one stage did in this build."""

    name: str
    status: Literal["built", "cached"]
    seconds: float
    """What the stage took when it was built."""
    bytes: int
    """Size of the artifact that it made."""
    accuracy: float | None = None
    """Percent, of the stage's artifact over the evaluation set, where it was measured."""
    reason: str = ""
    """Why it was built again, or what it left out."""


class BudgetLine(Struct, frozen=True):
    """One limit of a budget, held against its measurement."""

    name: str
    limit: float
    value: float | None
    unit: str
    headroom: float | None
    """Share of the limit that is left, in percent; negative where the budget is broken."""
    verdict: VerdictWord
    source: str
    reason: str = ""


class Reading(Struct, frozen=True):
    """What the user says of a model file."""

    input_shape: str = ""
    """Sizes that the model leaves open: `96x96x3`, or `left=96x96x3,right=10`."""
    custom_objects: str = ""
    """Module of the model's own layers."""
    trust: bool = False
    """Whether code in the file may run."""


class ModelFacts(Struct, frozen=True):
    """What a model is, before anything is done to it."""

    form: Literal["keras", "float", "int8"]
    """A `tf_keras` model that can be trained, a float `.tflite`, or an integer one."""
    format: str
    """Of the file it came from, such as `keras 3.15.1`."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    layers: int
    parameters: int
    untrainable: str = ""
    """Why it is a graph and no `tf_keras` model."""


class Pruned(Struct, frozen=True):
    """What pruning did."""

    sparsity: dict[str, float]
    """Share of zeros in the weights of each pruned layer."""
    left: tuple[str, ...]
    """Layers with weights that were not pruned."""


class Timing(Struct, frozen=True, forbid_unknown_fields=True):
    """How long to time a model."""

    runs: int = 100
    """At least so many, and"""
    seconds: float = 0.3
    """for at least so long;"""
    limit: float = 2.0
    """but after so many seconds 10 runs are enough."""
    warmup: float = 0.5
    """Seconds after which the warm-up ends, steady or not."""
    seed: int = 0
    """Of the random inputs."""


class Machine(Struct, frozen=True):
    """The build host: a latency measured here is not the device's."""

    cpu: str
    """Model name, such as `AMD EPYC 7B13`."""
    cores: int
    """Logical cores that this process may use."""
    system: str
    """Kernel, release and architecture: `Linux 6.1.0 x86_64`."""
    python: str

"""The words of edgekit as types: what stages, runtimes, budgets and reports hand to each other.

All are frozen. Everything here can be written as JSON and read back by `msgspec`.
"""

from typing import Literal

from msgspec import Struct

Source = Literal["measured", "simulated", "estimated"]
KERAS, FLOAT, INTEGER = "model.h5", "float.tflite", "model.tflite"
"""File names of a model's three forms: a `tf_keras` model, which can be trained; a float graph; an integer graph."""
VerdictWord = Literal["pass", "fail", "inconclusive", "skipped"]


class Remark(str):
    """What a reader may like to know of a build, and has nothing to do about. Among notes, which say what to do, it is
    kept apart by its type."""


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
    subtract: tuple[float, ...] = ()
    """Of an input of standalone C that has to be normalized before it is quantized, a number for each of its features
    (the last dimension): real values x are `(x - subtract) * multiply` first. Empty where they stay as they are."""
    multiply: tuple[float, ...] = ()


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
    artifact: str = "model"
    """What was measured: the `model` that ships, the `float` model as it was given, the float model after a technique
    (`channels`, `prune`, …), before it was shrunk (`quantize`), without lookup tables (`portable`), one `operator` of
    it, or the `baseline`'s file."""
    reason: str = ""
    """Why there is no value, or what the reader should know about it."""

    @property
    def engine(self) -> str:
        """Name of the runtime, without its version."""
        return self.runtime.partition(" ")[0]


class Arena(Struct, frozen=True):
    """What TFLM needs of RAM for a model on this host, in bytes; pointers take 8 here."""

    bytes: int
    """Of the smallest arena with which the model runs."""
    used: int
    """What the allocator has recorded: the sum of the following two."""
    persistent: int
    """What lasts as long as the interpreter: the arena's tail."""
    scratch: int
    """What tensors and operators share while it runs: the arena's head."""
    parts: dict[str, int] = {}
    """What is recorded of the persistent part, by TFLM's names."""


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
    accuracy_low: float | None = None
    """Lower end of the 95 % interval."""
    accuracy_high: float | None = None
    """Upper end of the 95 % interval."""
    model_size: int | None = None
    """Of the stage's model as `.tflite`, in bytes; the following are of that file too."""
    download_size: int | None = None
    """Deflated."""
    parameters: int | None = None
    nonzero: int | None = None
    """Parameters that are not zero."""
    macs: int | None = None
    """Multiply-accumulates of one inference."""
    latency_ratio: float | None = None
    """Median latency over that of the float model as it was given, in the same runtime."""


class Divergence(Struct, frozen=True):
    """An operator of which two runtimes make different values."""

    operator: int
    """Its number in the order of execution, from 0."""
    kind: str
    layer: str
    samples: int
    """In how many samples."""
    share: float
    """Of the values, in percent."""
    largest: float
    """The largest difference,"""
    unit: str
    """in LSB, steps of the stored integer; without a unit for floats."""
    sqnr: float | None = None
    """Of floats, in dB."""


class Agreement(Struct, frozen=True):
    """Outputs of one runtime against those of the runtime that ships, for all evaluation samples."""

    runtime: str
    """The one that is held against it: name and version."""
    samples: int
    identical: float
    """Share of samples, in percent, all of whose outputs are equal to the bit."""
    unit: str
    """Of the differences: `LSB`, steps of the stored integer; none for floats."""
    largest: float
    """Difference of a value of any output."""
    mean: float
    """Absolute difference over all values."""
    churn: float
    """Share of samples, in points, whose top-1 class differs."""
    churn_low: float
    """Lower end of the 95 % interval."""
    churn_high: float
    """Upper end."""
    differing: tuple[int, ...] = ()
    """Numbers of those samples that differ most, from 0."""
    first: Divergence | None = None
    """Where the two part."""
    note: str = ""
    """Why it is not known where."""


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
    low: float | None = None
    """Lower end of the 95 % interval of the value."""
    high: float | None = None
    """Upper end."""
    level: Literal["error", "warn", "off"] = "error"
    """Whether a broken limit fails the build."""
    waived: str = ""
    """Why it may be broken, and until when."""

    @property
    def counts(self) -> bool:
        """Whether it decides the verdict: it is neither a warning nor waived."""
        return self.level == "error" and not self.waived


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
    floats: tuple[str, ...] = ()
    """The layers that have no form in integers, each with what to use instead."""
    names: tuple[str, ...] = ()
    """Of the layers, those in others too; empty where the file has no layers."""
    saved: str = ""
    """When the file was saved, as it says itself."""


class StrippedFacts(Struct, frozen=True):
    """What shrinking made of a file."""

    before: int
    """Multiply-accumulates before,"""
    after: int
    """and after."""
    carried: str
    """Metadata, and files that are packed behind the model, which stay byte for byte; "" where it has none."""


class Attempt(Struct, frozen=True):
    """One way to quantize that a rescue tried."""

    name: str
    way: str
    """What it changed, on top of the attempts that were kept before."""
    lost: float | None
    """Points of accuracy on held-out training samples, against the float model; None where it failed."""
    sqnr: float | None
    """Of the outputs, in dB."""
    bytes: int
    seconds: float
    kept: bool
    reason: str = ""
    """Why it failed."""


class Part(Struct, frozen=True):
    """A layer of a Keras model, or an operator of a `.tflite`."""

    name: str
    """The layer's name, with those of the models around it; of an operator, the name of its first output."""
    kind: str
    """Class of the layer, or the operator with its version."""
    output: str
    """Type and shape of the output, where it is known."""
    parameters: int
    macs: int | None = None
    """Multiply-accumulates of one inference; None where they are not known."""
    techniques: tuple[str, ...] = ()
    """Which of `prune` and `cluster` can change the layer."""


class Summary(Struct, frozen=True):
    """What a model is when its library has loaded it."""

    inputs: tuple[TensorSpec, ...]
    """A size that is open is -1."""
    outputs: tuple[TensorSpec, ...]
    parts: tuple[Part, ...]
    """The layers; the operators of a SavedModel, which is a graph without layers."""
    lacking: dict[str, list[str]]
    """For each runtime the operators that it has no kernel for; empty where the model could not be converted."""
    macs: int | None
    notes: tuple[str, ...]
    parameters: int


class Timing(Struct, frozen=True, forbid_unknown_fields=True):
    """How long to time a model."""

    rounds: int = 5
    """Fresh processes, at least. In each of them"""
    runs: int = 30
    """at least so many single runs, and"""
    seconds: float = 0.06
    """for at least so long;"""
    limit: float = 0.5
    """but after so many seconds 10 runs are enough."""
    warmup: float = 0.1
    """Seconds after which the warm-up ends, steady or not."""
    seed: int = 0
    """Of the random inputs."""
    slower: float = 0.0
    """Share of each run's time that is waited beside it: a slowdown to be found, see benchmarks/gate.py."""


class Run(Struct, frozen=True):
    """What one fresh process measured."""

    load_time: int
    """From the file to a session that is ready, in ns; the runtime was imported before."""
    quantiles: list[int]
    """Of single runs, in ns: see `edgekit.measure.intervals.SHARES`."""
    count: int
    """How many single runs."""
    drift: float
    """Median of the second half over that of the first, less 1."""


class Machine(Struct, frozen=True):
    """The build host: a latency measured here is not the device's."""

    cpu: str
    """Model name, such as `AMD EPYC 7B13`."""
    cores: int
    """Logical cores that this process may use."""
    system: str
    """Kernel, release and architecture: `Linux 6.1.0 x86_64`."""
    python: str
    cpus: str = ""
    """The cores that this process may use, such as `0,1`; nothing is pinned to one of them."""
    allocator: str = ""
    """Whose memory allocation it is, such as `glibc 2.36`."""

"""Recipes: what is done to a model, as frozen types with their defaults. A target's `[recipe]`, or a file of its own.

A part that is left out is not done. Layers are named by patterns as in a shell: `conv2d_*`, `block?/dense`.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from edgekit.config import Settings
from edgekit.units import Bytes

Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0)]
Pattern = Annotated[str, Meta(min_length=1)]
Technique = Literal["distil", "channels", "prune", "cluster", "qat"]


class FineTuning(Settings, frozen=True):
    """How a model is trained on after it was changed."""

    epochs: Annotated[int, Meta(ge=0)] = 2
    batch_size: Positive = 64
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3
    patience: Annotated[int, Meta(ge=0)] = 0
    """Ends the training after so many epochs without a lower loss on a tenth of the training samples that is held
    out, and keeps the best weights; 0 trains all epochs on all samples."""


class Selection(FineTuning, frozen=True):
    """Which layers a technique applies to, and how they are trained after it."""

    exclude: tuple[Pattern, ...] = ()
    """Patterns of layers that are left as they are."""
    protect: tuple[Literal["first", "last"], ...] = ("first", "last")
    """Layers with weights at the ends of the model, which bear the least and are left as they are."""


class Channels(Selection, frozen=True, kw_only=True):
    """Whole channels and neurons removed, so that the model is smaller and stays dense."""

    sparsity: Share
    """Share to remove."""
    of: Literal["channels", "parameters", "macs", "bytes"] = "channels"
    """What the share is a share of: the channels of each layer that is not protected, or the model's parameters,
    multiply-accumulates, or bytes as int8."""
    by: Literal["l1", "l2", "taylor", "batchnorm", "connectivity", "random"] = "l2"
    """How channels are ranked; `random` is the baseline that every other has to beat."""
    scope: Literal["layer", "model"] = "layer"
    """Whether each layer gives its share, or the lowest ranks of the whole model go."""
    layers: dict[Pattern, Share] = field(default_factory=dict)
    """Another sparsity for some layers, by pattern; 0 leaves them."""
    multiple_of: Positive = 1
    """What the number of channels that stay is rounded up to, as the hardware likes it: 4, 8, 16."""
    rounds: Positive = 1
    """Remove a little and fine-tune, so many times."""
    blocks: Share = 0.0
    """Share of the residual blocks to remove whole, before channels."""


class Prune(Selection, frozen=True, kw_only=True):
    """Single weights set to zero, while the model trains on.

    Source: Zhu and Gupta 2017, "To prune, or not to prune", section 3 (the polynomial schedule).
    """

    sparsity: Share
    """Share of the weights of the chosen layers that end as zero."""
    by: Literal["magnitude", "gradient"] = "magnitude"
    """`gradient`: |weight x gradient| over training batches, which is how much the loss depends on the weight."""
    scope: Literal["layer", "model", "sensitivity"] = "layer"
    """Each layer the same share; the smallest of the whole model; or each layer as much as it bears."""
    pattern: Literal["any", "2:4"] = "any"
    """`2:4`: two of every four neighbours, as some hardware computes them; the sparsity is then 0.5."""
    layers: dict[Pattern, Share] = field(default_factory=dict)
    """Another sparsity for some layers, by pattern; 0 leaves them."""
    protect: tuple[Literal["first", "last"], ...] = ()
    schedule: Literal["polynomial", "constant"] = "polynomial"
    initial_sparsity: Share = 0.0
    """Where the polynomial schedule starts."""
    settle: Share = 0.25
    """Share of the training at the end in which the masks stay as they are, so that the rest can recover."""
    required: bool = False
    """Whether a model that cannot be pruned is an error; otherwise the report says why it was not."""


class Cluster(Selection, frozen=True):
    """Weights that share few values, which deflate well, and become indices where the runtime takes them.

    Source: Han et al. 2015, "Deep Compression", section 3.
    """

    clusters: Annotated[int, Meta(ge=2, le=256)] = 16
    """Values per layer, or per channel; where zeros are kept, 3 at least."""
    per_channel: bool = False
    initial: Literal["kmeans++", "density", "linear", "random"] = "kmeans++"
    keep_zeros: bool = True
    """Whether weights that are zero stay zero."""
    layers: dict[Pattern, Annotated[int, Meta(ge=2, le=256)]] = field(default_factory=dict)
    """Another number of values for some layers, by pattern."""
    goal: Bytes | None = None
    """What the file may have: the number of values is halved until it fits, as lookup tables in TFLM."""
    protect: tuple[Literal["first", "last"], ...] = ()


class Student(Settings, frozen=True):
    """A smaller copy of the teacher: the same architecture with fewer channels or fewer repeated blocks."""

    width: Annotated[float, Meta(gt=0, le=1)] = 1.0
    depth: Annotated[float, Meta(gt=0, le=1)] = 1.0


class Distil(FineTuning, frozen=True):
    """A student that learns from a teacher.

    Sources: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (soft labels); Romero et al. 2015,
    "FitNets" (features); Zagoruyko and Komodakis 2017, "Paying More Attention to Attention" (attention maps).
    """

    student: Student | str = "model"
    """`model`: the model itself as it is at this place of the recipe, pruned perhaps; `module:function` of a builder;
    or a scaled copy: `{ width = 0.5 }`."""
    teacher: str = "model"
    """`model`: the model as it was given; or a Keras file, or `module:function` of a builder."""
    epochs: Annotated[int, Meta(ge=0)] = 10
    temperature: Annotated[float, Meta(gt=0)] = 4.0
    soft: Weight = 0.9
    """Weight of the loss on the teacher's softened outputs (mean squared error where they are no classes);"""
    hard: Weight = 0.1
    """on the labels, where there are some;"""
    features: Weight = 0.0
    """on the outputs of `pairs`, through a learned projection;"""
    attention: Weight = 0.0
    """on the attention maps of `pairs`;"""
    adversarial: Weight = 0.0
    """and of fooling a small network that tells teacher from student, trained with a hinge loss."""
    margin: Annotated[float, Meta(gt=0)] = 1.0
    """The ε in the discriminator's hinge loss max(0, ε - margin)."""
    pairs: dict[str, str] = field(default_factory=dict)
    """Layers whose outputs are compared: teacher's name = student's name."""
    during: tuple[Literal["channels", "prune", "cluster", "qat"], ...] = ()
    """Techniques whose training learns from the teacher too, by the soft and hard losses."""
    rounds: Positive = 1
    """In each further one the student of the last is the teacher."""
    assistants: tuple[Student, ...] = ()
    """Teachers in between, each taught by the one before.  Source: Mirzadeh et al. 2020."""


class Qat(FineTuning, frozen=True):
    """Training with the rounding of int8 in the forward pass; zeros and clusters of earlier stages are kept.

    A tenth of the training samples is held out, and where the trained model does worse on them than plain int8, that
    ships, and the report says so.

    Source: Jacob et al. 2018, section 3.
    """

    epochs: Annotated[int, Meta(ge=0)] = 1
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-4
    required: bool = False
    """Whether a layer that cannot be trained with rounding is an error; otherwise it alone goes without, and the report
    says so."""


class Quantize(Settings, frozen=True):
    """Weights and activations as integers.

    Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference"; the int8 rules are those of the TensorFlow Lite 8-bit quantization specification.
    """

    scheme: Literal["int8", "int16x8", "dynamic", "weight-only", "int4", "float16"] = "int8"
    """`int8`: weights and activations; `int16x8`: activations in int16; `dynamic`: int8 weights, activations quantized
    while it runs; `weight-only`: int8 weights, computed in float; `int4`: weights of four bits, activations int8;
    `float16`: weights stored as float16."""
    granularity: Literal["channel", "tensor"] = "channel"
    """Whether each output channel's weights have a scale of their own."""
    calibration_samples: Positive = 256
    """Training samples, as many of each class, whose activations set the ranges."""
    calibration: Literal["minmax", "percentile", "mse", "entropy", "moving-average"] = "minmax"
    """How the range of a tensor follows from its values."""
    percentile: Annotated[float, Meta(gt=50, le=100)] = 99.99
    """Share of the values, in percent, that `percentile` keeps in range."""
    equalize: bool = False
    """Scales of neighbouring layers made alike, before quantization.  Source: Nagel et al. 2019."""
    bias_correction: bool = False
    """The mean error of each channel moved into its bias.  Source: Nagel et al. 2019."""
    rounding: Literal["nearest", "gptq"] = "nearest"
    """`gptq`: each weight is rounded so that later ones make up for its error.  Source: Frantar et al. 2023."""
    normalize: bool = True
    """Whether an input whose features differ so much in size that one scale of int8 loses some stays float32, and is
    normalized before it is quantized."""
    int16_layers: tuple[Pattern, ...] = ()
    """Layers whose activations are int16, by pattern."""
    float_layers: tuple[Pattern, ...] = ()
    """Layers that stay in floating point, by pattern."""
    rescue: bool = False
    """Whether to try one remedy after the other until the budget's accuracy_drop holds."""
    io: Literal["int8", "float32"] = "int8"
    """Type of the model's inputs and outputs."""
    allow_float_ops: bool = False
    """Whether operators that have no integer form may stay in floating point."""

    @property
    def plain(self) -> bool:
        """Whether the result is int8 throughout, which TensorFlow's own quantizer makes."""
        return self.scheme == "int8" and not self.int16_layers and not self.float_layers

    @property
    def static(self) -> bool:
        """Whether activations are integers, whose ranges calibration finds."""
        return self.scheme in ("int8", "int16x8", "int4")


class Shrink(Settings, frozen=True):
    """Bytes left out that no output depends on; proven in every runtime of the target before the result is kept."""

    keep_names: bool = False
    """Leave the names of inner tensors, for debugging."""
    harvest: bool = True
    """Take out channels that compute a constant, or that nobody reads."""
    fold: bool = True
    """Compute beforehand what does not depend on the input: operators on constants, and on shapes that are fixed."""
    lookup_tables: bool = False
    """Where TFLM ships: weights with few different values, as after clustering, become indices into tables, if the file
    gets smaller and budget.arena allows it. TFLM decodes them with its operator DECODE, which copies from before 2025
    and all other runtimes lack."""


class Recipe(Settings, frozen=True):
    """What is done to the model. A part that is left out is not done; `prune = false` takes an inherited one away."""

    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 1
    """All randomness of the recipe: the order of samples, the choice of the calibration set."""
    input_shape: str = ""
    """Sizes that the model leaves open: "96x96x3", or "left=96x96x3,right=10"."""
    order: tuple[Technique, ...] = ()
    """In which order the techniques that are set are applied. By default distil, channels, prune, cluster, qat;
    distil comes after cluster where the student is the model itself."""
    distil: Distil | None = None
    channels: Channels | None = None
    prune: Prune | None = None
    cluster: Cluster | None = None
    qat: Qat | None = None
    quantize: Quantize | None = None
    shrink: Shrink | None = Shrink()

    @property
    def techniques(self) -> tuple[Technique, ...]:
        """Those that are set, in the order in which they are applied."""
        itself = self.distil is not None and self.distil.student == "model"
        order: tuple[Technique, ...] = ("channels", "prune", "cluster")
        order = self.order or ((*order, "distil", "qat") if itself else ("distil", *order, "qat"))
        return tuple(technique for technique in order if getattr(self, technique))

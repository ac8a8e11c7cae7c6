"""How a model is compressed: what a recipe says of each technique."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from edgekit.config import Positive, Settings
from edgekit.units import Bytes

Share = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0)]
Pattern = Annotated[str, Meta(min_length=1)]

FEW, ENOUGH = 100, 200
"""Updates of the weights that are too few to make up for what was taken, and that bring most of it back:
docs/compression.md has figures."""


class FineTuning(Settings, frozen=True):
    """How a model is trained on after it was changed."""

    epochs: Annotated[int, Meta(ge=0)] = 2
    batch_size: Positive = 64
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3
    patience: Annotated[int, Meta(ge=0)] = 0
    """Ends the training after so many epochs without a lower loss on the held-out samples, and keeps the best weights;
    0 trains all epochs."""

    def too_short(self, technique: str, samples: int) -> str:
        """Why the training is too short to make up for what a technique takes, as a note; "" where it is not, or where
        none is asked for."""
        batches = -(-samples // self.batch_size)
        if not self.epochs or self.epochs * batches >= FEW:
            return ""
        return (
            f"{technique}: {self.epochs} epochs of {samples} samples update the weights {self.epochs * batches} times, "
            f"too few to make up for what it takes; --set recipe.{technique}.epochs={-(-ENOUGH // batches)}"
        )


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

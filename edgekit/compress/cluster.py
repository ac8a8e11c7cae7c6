"""Clustering: the weights of a layer share few values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.layers import chosen, flat, kernels, setting
from edgekit.compress.settings import Pattern, Selection
from edgekit.compress.targets import Objective, TrainingTargets, training_targets
from edgekit.compress.technique import Given, Rehearsal, Technique
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Call, Work, stage
from edgekit.model.custom import custom_scope
from edgekit.model.read import KERAS, open_keras, save
from edgekit.types import Artifact
from edgekit.units import Bytes

WHERE = "recipe.cluster"


class Cluster(Selection, Technique, frozen=True):
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

    def told(self, name: str) -> str:
        """See `Technique`."""
        return f"clustered to {self.clusters} values"

    def call(self, model: Artifact, given: Given) -> Call[ClusterFacts]:
        """The stage `cluster_file`."""
        return cluster_file(model, given.data, self, given.seed, given.custom_objects, given.answers, given.objective)

    def rehearse(self, model: Any, given: Rehearsal) -> Any:
        """As it is: shared values change no architecture."""
        clustered_layers(model, self)
        return model

    @staticmethod
    def fits(layer: Any) -> bool:
        """Whether TFMOT clusters it."""
        return clusterable(layer)


class ClusterFacts(Struct, frozen=True):
    """What clustering did."""

    values: dict[str, int]
    """How many different weights each clustered layer has."""
    left: tuple[str, ...]
    """Layers with weights that were not clustered."""
    notes: tuple[str, ...] = ()
    """What is to be changed where nothing was clustered."""


@stage("cluster", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def cluster_file(
    work: Work,
    model: Artifact,
    data: DataSpec,
    settings: Cluster,
    seed: int,
    custom_objects: str,
    answers: Artifact | None,
    objective: Objective | None = None,
) -> ClusterFacts:
    """Clusters the model in a file and writes the result to `folder`.

    Raises:
      RecipeError: a pattern fits no layer.
    """
    loaded = open_keras(model.path, custom_objects)
    names = [layer.name for layer in clustered_layers(loaded, settings)]
    if names:
        dataset = read_dataset(data)
        with custom_scope(custom_objects):
            taught = training_targets(loaded, dataset.train, data, answers, objective, dataset.held_out)
            loaded = cluster(loaded, prepared(dataset.train, data), taught, settings, seed, work.progress)
    save(loaded, work.folder / KERAS)
    return _facts(loaded, names, settings)


def cluster(model: Any, x: list[Any], taught: TrainingTargets, settings: Cluster, seed: int, progress: Progress) -> Any:
    """Groups the weights of each chosen layer around few values, which train on.

    Args:
      model: `tf_keras.Model`; its layers are taken over.
      x: prepared training samples, for each input (N, …).

    Returns:
      `tf_keras.Model` of the same architecture. Where zeros are kept, zero is one of a layer's values.

    Source: TFMOT's `cluster_weights`; Han et al. 2015, "Deep Compression", section 3.
    """
    import tf_keras
    from tensorflow_model_optimization.python.core.clustering.keras import cluster as tfmot
    from tensorflow_model_optimization.python.core.clustering.keras.cluster_config import CentroidInitialization

    names = {layer.name for layer in clustered_layers(model, settings)}
    initial = {
        "kmeans++": CentroidInitialization.KMEANS_PLUS_PLUS,
        "density": CentroidInitialization.DENSITY_BASED,
        "linear": CentroidInitialization.LINEAR,
        "random": CentroidInitialization.RANDOM,
    }[settings.initial]

    def wrapped(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=wrapped)
        if layer.name not in names:
            return layer
        return tfmot._cluster_weights(
            layer,
            number_of_clusters=_count(layer, settings),
            cluster_centroids_init=initial,
            preserve_sparsity=_keeps_zeros(layer, settings),
            cluster_per_channel=settings.per_channel and type(layer).__name__ == "Conv2D" and _apart(layer, settings),
        )

    tf_keras.utils.set_random_seed(seed)
    clustered = wrapped(model)
    fine_tune(clustered, x, taught, settings, seed, progress)
    return tfmot.strip_clustering(clustered)


def clusterable(layer: Any) -> bool:
    """Whether TFMOT clusters a layer of `tf_keras`, and it has weights to cluster. It loses the order of the weights of
    an attention."""
    from tensorflow_model_optimization.python.core.clustering.keras.clustering_registry import ClusteringRegistry

    if not ClusteringRegistry.supports(layer) or type(layer).__name__ == "MultiHeadAttention":
        return False
    ClusteringRegistry.make_clusterable(layer)
    return bool(layer.get_clusterable_weights())


def clustered_layers(model: Any, settings: Cluster) -> list[Any]:
    """The layers of a `tf_keras` model that are clustered: of the chosen ones those that have more weights than they
    are to have values.

    Raises:
      RecipeError: a pattern fits no layer.
    """
    return [layer for layer in chosen(model, settings, clusterable, WHERE) if _enough(_weights(layer), layer, settings)]


def _count(layer: Any, settings: Cluster) -> int:
    """How many values a layer's weights, or those of a channel, are to have. TFMOT wants one beside zero for each
    sign."""
    wanted = setting(layer.name, settings.layers, settings.clusters)
    return max(wanted, 3) if _keeps_zeros(layer, settings) else wanted


def _keeps_zeros(layer: Any, settings: Cluster) -> bool:
    return settings.keep_zeros and any(not weights.all() for weights in _weights(layer))


def _weights(layer: Any) -> list[Any]:
    """What is clustered of a layer, as arrays."""
    return [weights.numpy() for _, weights in layer.get_clusterable_weights()]


def _enough(weights: list[Any], layer: Any, settings: Cluster) -> bool:
    """Whether each array has more values that can be grouped than there are to be groups."""
    import numpy as np

    zeros, count = _keeps_zeros(layer, settings), _count(layer, settings)
    return all((np.count_nonzero(w) + 1 if zeros else w.size) > count for w in weights)


def _apart(layer: Any, settings: Cluster) -> bool:
    """Whether each channel of a convolution has weights enough for values of its own."""
    return _enough([channel for w in _weights(layer) for channel in w.reshape(-1, w.shape[-1]).T], layer, settings)


def _facts(model: Any, names: list[str], settings: Cluster) -> ClusterFacts:
    import numpy as np

    values, left = {}, []
    for layer in flat(model):
        if layer.name in names:
            values[layer.name] = max(len(np.unique(w.numpy())) for w in kernels(layer))
        elif kernels(layer):
            left.append(layer.name)
    most = "values that it is to have" if settings.layers else f"the {settings.clusters} values that it is to have"
    nothing = f"nothing is clustered: no layer that may be has more weights than {most}; give fewer clusters"
    return ClusterFacts(values, tuple(left), () if values else (nothing,))

"""Products made ahead on many workers: each is left in the store, where the build then finds it.

Only what needs no clock is made here. Times are taken by the build itself, alone on its machine.
"""

from __future__ import annotations

import os

import msgspec

from edgekit.build import produce
from edgekit.engine import cluster
from edgekit.engine.make import Listener, Maker, Silent
from edgekit.errors import EdgekitError, SetupError
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.target import Target


class Product(msgspec.Struct, frozen=True):
    """What a worker is to make."""

    project: Project
    spec: ModelSpec
    target: Target


def make_ahead(
    project: Project, pairs: list[tuple[ModelSpec, Target]], workers: int, address: str, ui: Listener
) -> None:
    """Makes each model for each target on many workers.

    What fails is passed over: the build meets it again and says why.

    Args:
      workers: processes of this machine; unused with
      address: of the scheduler of a cluster that is there.

    Raises:
      SetupError: the cluster does not answer, or its workers have other versions, files or no store.
    """
    work = [Product(project, spec, target) for spec, target in pairs]
    files = [path for spec, _ in pairs for path in (spec.model, spec.data)]
    with cluster.opened(min(workers, len(work)), address, files) as client:
        ui.begin(f"{len(work)} products")
        for number, (item, result) in enumerate(cluster.each(client, produced, work), 1):
            ui.progress(f"{item.target.name}: {item.spec.name}", number / len(work))
            if isinstance(result, SetupError) or (
                isinstance(result, BaseException) and not isinstance(result, EdgekitError)
            ):
                raise result


def produced(item: Product) -> None:
    """Makes a product and leaves it in the store. Runs on a worker.

    Raises:
      EdgekitError: what its stages raised.
    """
    with at_work(item.project) as maker:
        produce(item.spec, item.target, maker)


def at_work(project: Project) -> Maker:
    """What makes a project's stages on a worker, which does one thing at a time: it stands in the project."""
    os.chdir(project.root)
    return Maker(project.open_store(), Silent())

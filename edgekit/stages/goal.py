"""A goal for the bytes that ship, reached with as few clusters as that takes."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from edgekit.product import Product
from edgekit.profile.target import Target
from edgekit.types import Remark


def to_goal(target: Target, produce: Callable[[Target], Product]) -> Product:
    """What a target's recipe makes; where `recipe.cluster.goal` is given, with half the clusters until it fits.

    Args:
      produce: makes the file that ships for a target.
    """
    cluster = target.recipe.cluster
    if cluster is None or cluster.goal is None:
        return produce(target)
    count, goal = cluster.clusters, int(cluster.goal)
    while True:
        recipe = replace(target.recipe, cluster=replace(cluster, clusters=count, goal=None))
        product = produce(replace(target, recipe=recipe))
        size = product.shipped.bytes
        if size <= goal or count == 2:
            note = f"cluster: {count} values make {size:,} B"
            fewest = f"{note}, the fewest there are, and still above the goal of {goal:,} B; raise recipe.cluster.goal"
            said = Remark(f"{note}; the goal is {goal:,} B") if size <= goal else fewest
            return replace(product, target=target, notes=[*product.notes, said])
        count = max(2, count // 2)

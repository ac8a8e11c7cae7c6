"""How a file is made smaller: what `recipe.shrink` says."""

from __future__ import annotations

from edgekit.config import Settings


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

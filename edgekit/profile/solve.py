"""How a recipe is searched for: what `[solve]` of a profile says."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta

from edgekit.compress.settings import Share
from edgekit.config import Positive, Settings
from edgekit.units import Nanoseconds

Cost = Literal["model_size", "download_size", "macs", "arena", "flash", "ram", "instructions", "latency", "npu_cycles"]
"""What can be minimized."""
Combined = Literal["channels", "distil", "prune", "cluster", "qat"]
TECHNIQUES: tuple[Combined, ...] = get_args(Combined)
"""What a search combines, in the order in which a recipe applies it."""
MINUTES = 60e9
"""In nanoseconds."""


class Ranges(Settings, frozen=True):
    """From where to where a search goes."""

    width: tuple[Annotated[float, Meta(gt=0, le=1)], Annotated[float, Meta(gt=0, le=1)]] = (0.05, 1.0)
    """Share of its channels that each group of layers keeps, one at least."""
    sparsity: tuple[Share, Share] = (0.0, 0.9)
    """Of weights that are pruned."""
    clusters: tuple[Annotated[int, Meta(ge=2, le=256)], ...] = (64, 32, 16, 8)
    """Values that the weights of a layer share; or none do."""
    learning_rate: tuple[Annotated[float, Meta(gt=0)], Annotated[float, Meta(gt=0)]] = (1e-3, 2e-2)
    """At the start of the training."""


class Solve(Settings, frozen=True):
    """What is to be best within the budget, how it may be reached, and how long to look for it."""

    minimize: Cost | tuple[Cost, ...] | None = None
    """The cost that is to be as low as the limits on accuracy allow; of several, each counts half as much as the one
    before."""
    maximize: Literal["accuracy"] | None = None
    """What is to be as high as the limits on costs allow: the default, where nothing is minimized."""
    techniques: tuple[Combined, ...] = TECHNIQUES
    """What may be done to the model."""
    ranges: Ranges = Ranges()
    holds: Literal["interval", "value"] = "interval"
    """Whether the whole 95 % interval of a figure has to hold its limit, or its value alone."""
    time: Nanoseconds = Nanoseconds(30 * MINUTES)
    """After which no further trial begins."""
    trials: Positive | None = None
    """How many trials there are to be, whatever time that takes; as many as the time allows where it is None."""
    epochs: Positive | None = None
    """Of a training in full; by default what makes some thousand updates of the weights."""
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 1

    @property
    def problem(self) -> str:
        """What the types cannot say: where its settings contradict each other, and what to do; "" where they do not."""
        for name in ("width", "sparsity", "learning_rate"):
            low, high = getattr(self.ranges, name)
            if low > high:
                return f"solve.ranges.{name}: goes from {low:g} down to {high:g}; write [{high:g}, {low:g}]"
        if self.minimize is not None and self.maximize is not None:
            return "solve: minimize and maximize exclude each other; keep one, and limit the other"
        twice = [cost for n, cost in enumerate(self.costs) if cost in self.costs[:n]]
        return f"solve.minimize: names {twice[0]} twice; remove one" if twice else ""

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What is minimized, the weightiest first; none where accuracy is maximized."""
        if self.minimize is None:
            return ()
        return (self.minimize,) if isinstance(self.minimize, str) else self.minimize

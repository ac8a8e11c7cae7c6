"""Labels of channels, in classes that can only be removed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NATURAL = ""
"""The reason why a model's inputs and outputs stay as they are, which needs no word."""


class Labels:
    """Disjoint sets of labels, of which some are frozen.

    Source: Tarjan 1975, "Efficiency of a Good But Not Linear Set Union Algorithm" (with halved paths).
    """

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._frozen: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._parents)

    def fresh(self, count: int) -> np.ndarray:
        """New labels, (count,) int64, each in a class of its own."""
        import numpy as np

        labels = np.arange(len(self._parents), len(self._parents) + count)
        self._parents.extend(labels.tolist())
        return labels

    def root(self, labels: np.ndarray) -> np.ndarray:
        """The label that stands for each label's class."""
        import numpy as np

        return np.array([self._find(int(label)) for label in labels], dtype=np.int64)

    def unite(self, ones: np.ndarray, others: np.ndarray) -> None:
        """Makes the classes of two labels one, pair by pair."""
        for one, other in zip(ones.tolist(), others.tolist(), strict=True):
            a, b = self._find(one), self._find(other)
            self._parents[max(a, b)] = min(a, b)

    def freeze(self, labels: np.ndarray, why: str) -> None:
        """Keeps channels, and with them their classes."""
        for label in labels.tolist():
            self._frozen[label] = why if why == NATURAL else self._frozen.get(label, why)

    def frozen(self) -> dict[int, str]:
        """The classes that stay, by their roots, and why: the first reason, but `NATURAL` where it is one of them."""
        reasons: dict[int, str] = {}
        for label, why in self._frozen.items():
            root = self._find(label)
            reasons[root] = NATURAL if why == NATURAL else reasons.get(root, why)
        return reasons

    def _find(self, label: int) -> int:
        while self._parents[label] != label:
            self._parents[label] = self._parents[self._parents[label]]
            label = self._parents[label]
        return label

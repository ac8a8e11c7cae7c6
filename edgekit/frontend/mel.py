"""Settings of the front-ends that sum the spectrum in mel bands."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from edgekit.errors import ProjectError
from edgekit.frontend.audio import Audio
from edgekit.frontend.base import Raw
from edgekit.frontend.mel_filters import Filters, Scale, mel_filters


class Mel(Audio, frozen=True):
    """Settings of the bands."""

    mel_bands: Annotated[int, Meta(ge=1, le=256)] = 40
    lower_edge_hertz: Annotated[float, Meta(ge=0)] = 20.0
    upper_edge_hertz: Annotated[float, Meta(gt=0)] | None = None
    """By default half the sample rate."""
    mel_scale: Scale = "htk"
    """`htk` as `tf.signal.linear_to_mel_weight_matrix` has it, `slaney` as `librosa.filters.mel`: with bands of equal
    area."""

    @property
    def upper(self) -> float:
        """Where the last band ends, in Hz."""
        return self.sample_rate / 2 if self.upper_edge_hertz is None else self.upper_edge_hertz

    @property
    def filters(self) -> Filters:
        """The bands."""
        return mel_filters(
            self.mel_bands, self.lower_edge_hertz, self.upper, self.mel_scale, self.sample_rate, self.length
        )

    @property
    def norms(self) -> tuple[float, ...]:
        """Of the bands; one where all are the same."""
        norms = self.filters.norms
        return norms[:1] if len(set(norms)) == 1 else norms

    def check(self) -> None:
        """See `Audio`."""
        super().check()
        if self.upper > self.sample_rate / 2:
            raise ProjectError(
                f"frontend.upper_edge_hertz: {self.upper:g} Hz is beyond half the sample rate of "
                f"{self.sample_rate} Hz; write {self.sample_rate / 2:g} or less"
            )
        if self.lower_edge_hertz + 1 > self.upper:
            raise ProjectError(
                f"frontend.lower_edge_hertz: {self.lower_edge_hertz:g} Hz is not 1 Hz or more below the "
                f"upper edge of {self.upper:g} Hz; lower it"
            )

    def mel_constants(self, raw: Raw) -> dict[str, Any]:
        """Those of `Audio`, and of the bands."""
        filters = self.filters
        bands = {"first": filters.first, "counts": filters.counts, "rises": filters.weights}
        return super().constants(raw) | bands | {"bands": self.mel_bands}

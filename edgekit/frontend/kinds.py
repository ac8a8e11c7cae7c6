"""All kinds of front-ends: what `[tool.edgekit.models.NAME.frontend]` may be."""

from __future__ import annotations

from edgekit.frontend.log_mel import LogMel
from edgekit.frontend.mfcc import Mfcc
from edgekit.frontend.spectrogram import Spectrogram

AnyFrontend = LogMel | Mfcc | Spectrogram

"""All kinds of front-ends: what `[tool.edgekit.models.NAME.frontend]` may be."""

from __future__ import annotations

from edgekit.frontend.image import Image
from edgekit.frontend.log_mel import LogMel
from edgekit.frontend.mfcc import Mfcc
from edgekit.frontend.micro import Micro
from edgekit.frontend.spectrogram import Spectrogram
from edgekit.frontend.window import Window

AnyFrontend = Image | LogMel | Mfcc | Micro | Spectrogram | Window

"""The processes of a build, and the libraries that its stages depend on."""

from __future__ import annotations

import functools
import importlib.metadata

TENSORFLOW = "tensorflow"
"""The process that imports TensorFlow. It lives as long as there is something to compress."""
EIGEN = "tensorflow without oneDNN"
"""The process in which a stage is tried that died twice: oneDNN crashes on some graphs on some processors."""
TOOLS = "tools"
"""The process for what needs neither TensorFlow nor a runtime."""
QUANTIZER = "quantizer"
"""The process for `ai-edge-quantizer`."""
OWN = "own code"
"""The process for a builder or dataset that is a function of the user's: it is not confined, for it may download."""

LOADING = ("tensorflow", "keras", "tf-keras")
"""What reads a Keras model."""
TRAINING = (*LOADING, "tensorflow-model-optimization", "numpy")
READING = ("ai-edge-litert", "flatbuffers")
"""Whose schema and accessors read `.tflite` files."""
QUANTIZING = ("tensorflow", "numpy", *READING)
DISTRIBUTION = "edgekit-tflite"
"""What pip calls this package: `edgekit` on PyPI is another project."""


def package_url(name: str, version: str) -> str:
    """Where an installed package comes from.

    Source: https://github.com/package-url/purl-spec, type `pypi`.
    """
    return f"pkg:pypi/{DISTRIBUTION if name == 'edgekit' else name}@{version}"


@functools.cache
def library(name: str) -> str:
    """Version of an installed package; empty where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""

"""edgekit: from a trained Keras model to a proven TensorFlow Lite file for a device."""

__version__ = "0.1.0"

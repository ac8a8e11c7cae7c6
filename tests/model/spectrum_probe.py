"""Layers of a spectrum, made in the process that has Keras."""

from edgekit.model.spectrum import frontend_of_layer


def mel(**settings: object) -> str:
    """What a build advises instead of such a layer."""
    import keras

    return frontend_of_layer(keras.layers.MelSpectrogram(**settings))

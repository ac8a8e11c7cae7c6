"""Recurrent layers without their loop."""

from __future__ import annotations

from typing import Any


def unrolled(model: Any) -> tuple[Any, list[str]]:
    """A `tf_keras` model whose recurrent layers compute step after step, written out.

    Returns:
      the model with the same weights and outputs, and the names of the layers that were unrolled.
    """
    import tf_keras

    names = []

    def flat(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=flat)
        config = layer.get_config()
        recurrent = isinstance(layer, (tf_keras.layers.RNN, tf_keras.layers.Bidirectional))
        if recurrent and "ConvLSTM" not in f"{type(layer).__name__}{type(getattr(layer, 'layer', None)).__name__}":
            names.append(layer.name)
            for part in (config, config.get("layer", {}).get("config"), config.get("backward_layer", {}).get("config")):
                if part and "unroll" in part:
                    part["unroll"] = True
        return type(layer).from_config(config)

    result = tf_keras.models.clone_model(model, clone_function=flat)
    result.set_weights(model.get_weights())
    return result, names

"""From a Keras model to a full-integer `.tflite`."""

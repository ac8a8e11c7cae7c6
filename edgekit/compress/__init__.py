"""Techniques that make a Keras model smaller before it is quantized."""

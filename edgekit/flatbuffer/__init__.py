"""Reading and rewriting `.tflite` files: operators, tensors, and what they cost."""

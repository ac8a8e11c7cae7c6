"""Reading Keras files into one form, a `tf_keras` model. Nothing else knows versions of Keras."""

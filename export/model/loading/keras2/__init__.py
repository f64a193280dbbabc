"""Models of Keras 2: loaded by tf_keras, and converted to functional Keras 3 models with the same outputs."""

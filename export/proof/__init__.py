"""Whether a file computes what the Keras model computes: every check, with its threshold and reason."""

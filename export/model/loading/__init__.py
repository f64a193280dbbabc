"""Load a model from a file of any kind that Keras ever wrote, without running code that the file brings."""

"""The proof of a file that another tool made from a Keras model."""

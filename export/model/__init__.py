"""The Keras model to export: loading, signature, graph and reference outputs."""

"""The Keras model as an export sees it: what is exported, its signature, its graph, and what it computes."""

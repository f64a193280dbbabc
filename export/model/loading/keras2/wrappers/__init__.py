"""Wrappers that tensorflow-model-optimization puts around the layers of a model to prune, cluster or round it."""

"""Weights: what each file of them must be, byte for byte, where it is fetched, how it is read and given to a model."""

from zoo.weights.assignment import assign
from zoo.weights.loader import LoadedWeights, load

__all__ = ["LoadedWeights", "assign", "load"]

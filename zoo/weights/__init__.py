"""Weights: what each file of them must be, byte for byte, where it is fetched, how it is read and given to a model."""

from zoo.weights.assignment import assign
from zoo.weights.loader import RANDOM_REQUESTED, LoadedWeights, load

__all__ = ["RANDOM_REQUESTED", "LoadedWeights", "assign", "load"]

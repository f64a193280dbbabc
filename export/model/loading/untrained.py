"""Recognise a model that was never trained, although its file does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

# Fewer batch norms may belong to a part that was added after training.
FEWEST = 5


def reason(model: keras.Model) -> str:
    """Return why the model counts as untrained; empty if it counts as trained.

    The first step of training changes the statistics of every batch norm, so a network whose batch norms all have the
    values of their initialization has random weights.
    """
    import keras

    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    if len(norms) < FEWEST or not all(_is_initial(layer) for layer in norms):
        return ""
    return f"its {len(norms)} batch norms are as they were initialized, so it was never trained"


def _is_initial(layer: keras.layers.BatchNormalization) -> bool:
    values = ((layer.gamma, 1), (layer.beta, 0), (layer.moving_mean, 0), (layer.moving_variance, 1))
    return all(variable is None or bool(np.all(np.asarray(variable) == value)) for variable, value in values)

"""Batch norms of a network with random weights that is trained on few examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

# Share of the old average in a step. Keras begins with 0.99, of which a third is left after 100 steps: through nine
# layers, networks that had learned 90 sounds named all of them alike. Ioffe and Szegedy 2015 leave it open.
MOMENTUM = 0.9


def follow(model: keras.Model) -> None:
    """Make the averages of batch norms follow training within tens of steps."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, MOMENTUM)

"""Random noise: the input that selects a point of the latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def standard_normal(model: keras.Model, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return standard normal noise (count, latent) for the second input of `model`."""
    import numpy as np

    return rng.standard_normal((count, model.inputs[1].shape[1]), np.float32)

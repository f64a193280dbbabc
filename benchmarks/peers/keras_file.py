"""`python -m benchmarks.peers.keras_file ARCHITECTURE FILE.keras`: the model with the weights that ours are made of.

The weights also go beside it, as FILE.npz by layer and index: old versions of Keras cannot read the new .keras.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from export import models
from export.recipe import Recipe


def write(name: str, path: Path) -> None:
    """Write both files."""
    model = models.load(Recipe(model=name)).model
    model.save(path)
    weights: dict[str, Any] = {
        f"{layer.name}/{index}": values for layer in model.layers for index, values in enumerate(layer.get_weights())
    }
    np.savez(path.with_suffix(".npz"), **weights)


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))

"""`python -m benchmarks.peers.keras_file ARCHITECTURE FILE.keras`: the model with the weights of our files.

Old versions of Keras cannot read the new .keras. For them, FILE.npz is written to the same folder: the weights by layer
and index, and the outputs of the model for random inputs, which show whether the model was rebuilt correctly.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from export.model.subject import load_subject
from export.recipe import Recipe


def write(name: str, path: Path) -> None:
    """Write both files."""
    model = load_subject(Recipe(model=name)).model
    model.save(path)
    weights: dict[str, Any] = {
        f"{layer.name}/{index}": values for layer in model.layers for index, values in enumerate(layer.get_weights())
    }
    probe = np.random.default_rng(0).uniform(-1, 1, (2, *model.input_shape[1:])).astype(np.float32)
    np.savez(path.with_suffix(".npz"), probe=probe, expected=model.predict(probe, verbose=0), **weights)


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))

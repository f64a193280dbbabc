from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def outputs_of() -> Callable[..., np.ndarray]:
    """Return the first output of a model of any Keras for one array."""

    def outputs(model: Any, inputs: np.ndarray) -> np.ndarray:
        found = model(inputs, training=False)
        return np.asarray(found[0] if isinstance(found, list | tuple) else found)

    return outputs


@pytest.fixture
def keras_2_file(tmp_path: Path) -> Callable[..., Path]:
    """Save a tf_keras model and return the path: an .h5 file, a .keras file or a SavedModel folder."""

    def save(model: Any, name: str = "old.h5") -> Path:
        path = tmp_path / name
        model.save(path, save_format={".h5": "h5", ".keras": "keras"}.get(path.suffix, "tf"))
        return path

    return save

"""Export a small model of a user, calibrated on rows of its own inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export import pipeline
from export.bundle.report.rows import rows
from export.recipe import Recipe
from export.scheme import Scheme

if TYPE_CHECKING:
    import keras


def exported(
    model: keras.Model, inputs: Mapping[str, np.ndarray], folder: Path, schemes: Sequence[Scheme], **settings: Any
) -> pipeline.Delivery:
    """Save the model and at least 100 rows of its inputs, by name, and export it from there into `folder`/out."""
    return pipeline.run(saved(model, inputs, folder, schemes, **settings))


def saved(
    model: keras.Model, inputs: Mapping[str, np.ndarray], folder: Path, schemes: Sequence[Scheme], **settings: Any
) -> Recipe:
    """Save the model and the rows, and return the recipe of their export."""
    import keras

    model.save(folder / "own.keras")
    np.savez(folder / "rows.npz", **inputs)
    keras.backend.clear_session()
    return Recipe(
        model=str(folder / "own.keras"),
        calibration=str(folder / "rows.npz"),
        schemes=tuple(schemes),
        calibration_count=60,
        probe_count=40,
        out=folder / "out",
        **settings,
    )


def failures(delivery: pipeline.Delivery) -> list[str]:
    """Return the files that were not proven or not made, each with its reason."""
    return [f"{row.file}: {row.reason}" for row in rows(delivery.manifest) if row.state == "failed"]

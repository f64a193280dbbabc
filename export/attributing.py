"""Attribute the tensors of a float file to a Keras model's layers: run both on the same samples."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Samples
from export import child
from export.attribution import Attribution, attribute
from export.layer_calls import layer_calls

if TYPE_CHECKING:
    import keras

COUNT = 2  # One sample may agree by chance where an output is one number.


def attributed(model: keras.Model, path: Path, samples: Samples, folder: Path) -> dict[str, Attribution]:
    """Return what each activation of a float file in the primary format is in the model, by the tensor's name.

    Args:
        model: that the file was converted from.
        path: of the file.
        samples: two are enough.
        folder: where the samples are saved.

    Raises:
        RuntimeCrashError: the runtime cannot load or run the file.
        UsageProblemError: the file has a loop, inside of which nothing can be seen.
    """
    few = {name: np.asarray(values[:COUNT]) for name, values in samples.inputs.items()}
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as work:
        outputs = Path(work) / "activations.npz"
        answer = child.call("activations", path=path, samples=folder, count=COUNT, outputs=outputs)
        with np.load(outputs, allow_pickle=False) as arrays:
            tensors = {name: arrays[str(place)] for place, name in enumerate(answer["names"])}
    sources = {step["tensor"]: step["sources"] for step in answer["steps"]}
    return attribute(tensors, layer_calls(model, few), sources)

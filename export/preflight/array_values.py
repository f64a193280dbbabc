"""Whether arrays that are read soon anyway hold numbers that a model can take, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from calibration import labelled_rows
from calibration.inputs import InputSpec, not_finite
from calibration.sources import arrays
from export.preflight.model_facts import ModelFacts

MOST_BYTES = 1 << 26  # which are read in a tenth of a second; larger files are checked while the samples are drawn
FEWEST_PROBES = 8  # of any export without --probe-count
MOST_SHARE = 0.05  # of rows that are not finite: with more, a hundred drawn rows surely hold one of them
_CUT_LAYERS = ("Lookup", "Vectorization", "Hashing", "HashedCrossing")  # which are cut off, with their inputs


def known_inputs(facts: ModelFacts) -> Mapping[str, InputSpec]:
    """Return the model's inputs if the names, shapes and types of all of them are known; otherwise nothing."""
    stored = facts.stored
    is_cut = stored is not None and any(layer.kind.endswith(_CUT_LAYERS) for layer in stored.layers)
    count = len(facts.contracts) if facts.contracts is not None else len(stored.inputs) if stored is not None else 0
    return facts.specs if len(facts.specs) == count and not is_cut else {}


def check_finite(path: Path, inputs: Mapping[str, InputSpec], drawn: int) -> None:
    """Check that the rows of which samples are drawn are finite.

    Args:
        path: an .npz or .npy.
        inputs: of the model.
        drawn: number of rows that are drawn at least.

    Raises:
        UsageProblemError: rows that are drawn contain NaN or infinity.
    """
    if not _is_small(path):
        return
    for name, values in _arrays(path, inputs).items():
        if values.dtype.kind != "f":
            continue
        broken = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if broken.any() and (len(values) <= drawn or broken.mean() > MOST_SHARE):
            raise not_finite(path.name, name)


def check_labelled(path: Path, facts: ModelFacts) -> None:
    """Check the rows of an .npz for `--evaluate`, if the model's inputs are known.

    Raises:
        UsageProblemError: arrays are missing, unequally long or not finite.
    """
    inputs = known_inputs(facts)
    if inputs and _is_small(path):
        outputs = facts.stored.outputs if facts.stored is not None else ()
        labelled_rows.check_arrays(path, inputs, outputs or ("target",))


def drawn_rows(calibration_count: int, probe_count: int | None) -> int:
    """Return how many rows an export draws at least if there are so many."""
    return calibration_count + (probe_count or FEWEST_PROBES)


def _is_small(path: Path) -> bool:
    specs, rows = arrays.row_specs(path), arrays.row_count(path)
    return rows * sum(prod(one.shape) * np.dtype(one.dtype).itemsize for one in specs.values()) <= MOST_BYTES


def _arrays(path: Path, inputs: Mapping[str, InputSpec]) -> Mapping[str, np.ndarray]:
    """Return the arrays of the inputs, whose file was found to be whole."""
    if path.suffix.lower() == ".npy":
        return {next(iter(inputs)): np.load(path, allow_pickle=False)}
    with np.load(path, allow_pickle=False) as archive:
        if len(archive.files) == 1 and len(inputs) == 1:
            return {next(iter(inputs)): archive[archive.files[0]]}
        return {name: archive[name] for name in inputs}

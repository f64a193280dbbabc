"""Rows of a model's inputs with the targets, for `--evaluate`: an .npz, a .csv of numbers, or a function."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from calibration.called_rows import called
from calibration.inputs import InputSpec, describe, not_finite
from calibration.samples import Array, Samples
from calibration.sources import columns, table
from calibration.sources.conversion import as_sample
from calibration.sources.request import Request
from calibration.store import SetWriter, digest_of
from zoo.errors import UsageProblemError
from zoo.inputs import Input

# Names of the array of inputs in an .npz for a model with one input.
INPUTS = ("x", "x_test", "inputs", "data", "images")
TARGETS = (*columns.TARGETS, columns.OUTER_TARGET, "y_test", "outputs")


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Rows of inputs with targets.

    Attributes:
        inputs: arrays (N, ...) by name, of any type that converts to the model's.
        targets: arrays (N, ...) by output; words for class names.
        source: description of the data for the manifest.
    """

    inputs: Mapping[str, Array]
    targets: Mapping[str, Array]
    source: str

    def write(
        self,
        work: Path,
        specs: Mapping[str, InputSpec],
        contracts: Mapping[str, Input],
        *,
        exclude: Collection[str],
        seed: int,
    ) -> tuple[Samples, Array]:
        """Save the rows that calibration did not use in `work`; return them, and their positions among all rows.

        Raises:
            UsageProblemError: the model does not take the arrays, or no row is left.
        """
        count = len(next(iter(self.inputs.values())))
        request = Request(inputs=specs, contracts=contracts, counts=(count, 0), seed=seed)
        image = request.photo_input
        photo = image if image is not None and self.inputs[image].dtype == np.uint8 else None
        kept, known = list[int](), frozenset(exclude)
        with SetWriter(work, specs, photo) as writer:
            for row in range(count):
                values = {name: array[row] for name, array in self.inputs.items()}
                sample = as_sample(self.source, values, request)
                digest = digest_of(sample, specs)
                if digest not in known:
                    writer.append(sample, digest)
                    kept.append(row)
        if not kept:
            raise UsageProblemError(f"{self.source}: calibration has used every row; give other rows")
        notes = [f"{count - len(kept)} calibration rows left out of the evaluation"] if len(kept) < count else []
        preprocessing = request.preprocessing.record() if request.preprocessing and photo else None
        samples = writer.samples(source=self.source, seed=seed, preprocessing=preprocessing, warnings=tuple(notes))
        return samples, np.array(kept)


def is_rows(source: str) -> bool:
    """Return whether `source` names rows of arrays or numbers, and not photos."""
    path = Path(source).expanduser()
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return True
    if suffix == ".csv" and path.is_file():
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return "file" not in [cell.strip().strip('"').casefold() for cell in file.readline().split(",")]
    return ":" in source and not path.exists()


def find_rows(source: str, inputs: Mapping[str, InputSpec], outputs: Collection[str]) -> LabelledRows:
    """Return the rows that `source` names.

    Args:
        source: an .npz with an array for each input and for the targets; a .csv with columns of inputs and targets; or
            `module:function`, which returns an iterable of (inputs, targets), single samples or batches.
        inputs: specifications of the model's inputs by name.
        outputs: names of the model's outputs. Targets have the name of an output; for the only output they may also
            be called label, target or y.

    Raises:
        UsageProblemError: the source cannot be read, or inputs or targets are missing.
    """
    path = Path(source).expanduser()
    if path.suffix.lower() == ".npz":
        given, name = _npz(path), path.name
        found = _inputs(name, given, inputs)
        targets = {key: value for key, value in given.items() if not any(value is one for one in found.values())}
    elif path.suffix.lower() == ".csv":
        read, name = table.read(path), path.name
        found = table.arrays(read, inputs, outputs)
        places = table.find_columns(read, inputs, outputs).targets
        targets = {output: _values(read, at) for output, at in places.items()}
    else:
        name = source
        found, targets = called(source, inputs, outputs)
    targets = _targets(name, targets, outputs)
    _check_counts(name, {**found, **targets})
    total = len(next(iter(found.values())))
    return LabelledRows(inputs=found, targets=targets, source=f"{name}, {total} labelled rows")


def check_arrays(path: Path, inputs: Mapping[str, InputSpec], outputs: Collection[str]) -> None:
    """Check that an .npz holds the inputs and something else, and a row of each for every sample.

    Raises:
        UsageProblemError: the file is damaged, or arrays are missing, unequally long or not finite.
    """
    given = _npz(path)
    found = _inputs(path.name, given, inputs)
    others = {key: value for key, value in given.items() if not any(value is one for one in found.values())}
    if not others:
        raise columns.no_targets(path.name, outputs)
    _check_counts(path.name, {**found, **(others if len(others) == 1 else {})})
    for name, values in found.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise not_finite(path.name, name)


def _check_counts(name: str, arrays: Mapping[str, Array]) -> None:
    counts = {key: len(value) if value.ndim else 0 for key, value in arrays.items()}
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{key}: {count}" for key, count in counts.items())
        raise UsageProblemError(f"{name}: inputs and targets must have one row per sample each ({listed})")


def _npz(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UsageProblemError(f"--evaluate: no such file: {path}") from None
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise UsageProblemError(f"{path.name} cannot be read as .npz: {error}") from None


def _inputs(name: str, given: Mapping[str, Array], inputs: Mapping[str, InputSpec]) -> dict[str, Array]:
    if len(inputs) == 1 and not inputs.keys() <= given.keys():
        (only,) = inputs
        aliases = [one for one in given if one.casefold() in INPUTS]
        if len(aliases) == 1:
            return {only: given[aliases[0]]}
    missing = [one for one in inputs if one not in given]
    if missing:
        raise UsageProblemError(
            f"{name} has no array named {' or '.join(map(repr, missing))} (it holds: {', '.join(given) or 'none'}); "
            f"the model takes {describe(inputs)}"
        )
    return {one: given[one] for one in inputs}


def _values(read: table.Table, places: list[int]) -> Array:
    """Return columns as numbers (N,) or (N, columns), or as words if a single column holds no numbers."""
    try:
        values = read.numbers(places)
    except UsageProblemError:
        if len(places) > 1:
            raise
        return np.array([row[places[0]] for row in read.rows])
    return values[:, 0] if len(places) == 1 else values


def _targets(name: str, given: Mapping[str, Any], outputs: Collection[str]) -> dict[str, Array]:
    found = {output: given[output] for output in outputs if output in given}
    if not found and len(outputs) == 1:
        (only,) = outputs
        aliases = [one for one in given if one.casefold() in TARGETS] or list(given)
        if len(aliases) == 1:
            return {only: given[aliases[0]]}
    if not found:
        raise columns.no_targets(name, outputs)
    return found

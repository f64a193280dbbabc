"""Rows with targets, and the scores of outputs on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.class_words import class_indices
from calibration.inputs import InputSpec
from calibration.labelled_rows import LabelledRows
from calibration.samples import Array, Samples
from export.metrics import FIVE, OutputKind
from export.model.tensor_spec import TensorSpec
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import Input


@dataclass(frozen=True, kw_only=True)
class RowsWithTargets:
    """Saved rows with the targets of one output.

    Attributes:
        samples: the rows.
        output: name of the output.
        kind: what it means.
        targets: class indices (N, ...), decisions as 0 and 1, or values, in the order of the samples.
    """

    samples: Samples
    output: str
    kind: OutputKind
    targets: Array

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the metrics of the output's kind."""
        found = outputs[self.output].astype(np.float64)
        if not np.isfinite(found).all():
            raise CheckFailedError("the outputs contain NaN or infinity")
        match self.kind:
            case OutputKind.CLASSES:
                return _class_scores(found, self.targets)
            case OutputKind.DECISIONS:
                return {"accuracy": float(((found > 0.5) == (self.targets > 0.5)).mean())}
            case OutputKind.LABELS:
                return {"accuracy": float((found == self.targets).mean())}
        return value_scores(found, self.targets)


@dataclass(frozen=True, kw_only=True)
class RowsOfModel:
    """Rows with targets, not yet preprocessed.

    Attributes:
        rows: the rows.
        inputs: inputs of the model, by name.
        contracts: meaning of the inputs, by name.
        output: the output that the targets belong to.
        kind: what it means.
        labels: class names; empty if unknown.
    """

    rows: LabelledRows
    inputs: Mapping[str, InputSpec]
    contracts: Mapping[str, Input]
    output: TensorSpec
    kind: OutputKind
    labels: Sequence[str] = ()

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> RowsWithTargets:
        """Save the rows that calibration did not use in `work`."""
        targets = self.expected()
        samples, kept = self.rows.write(work, self.inputs, self.contracts, exclude=exclude, seed=seed)
        return RowsWithTargets(samples=samples, output=self.output.name, kind=self.kind, targets=targets[kept])

    def expected(self) -> Array:
        """Return the targets in the form of the output's kind.

        Raises:
            UsageProblemError: they do not fit the output.
        """
        given, shape = self.rows.targets[self.output.name], self.output.shape[1:]
        if not given.size:
            raise UsageProblemError(f"{self.rows.source}: there are no targets of {self.output.name} to compare with")
        if self.kind is OutputKind.CLASSES:
            return self._classes(given)
        if given.dtype.kind not in "biuf":
            raise UsageProblemError(f"{self.rows.source}: the targets of {self.output.name} are no numbers")
        if given.shape[1:] != shape and given.size == len(given) * int(np.prod(shape)):
            given = given.reshape(len(given), *shape)
        if given.shape[1:] != shape:
            raise UsageProblemError(
                f"{self.rows.source}: the targets have the shape {_rows(given.shape)}, "
                f"but {self.output.name} has {_rows(self.output.shape)}"
            )
        if not np.isfinite(given.astype(np.float64)).all():
            raise UsageProblemError(f"{self.rows.source}: the targets contain NaN or infinity")
        others = given[(given != 0) & (given != 1)]
        if self.kind is OutputKind.DECISIONS and others.size:
            raise UsageProblemError(
                f"{self.rows.source}: {self.output.name} decides between 0 and 1, but a target is {others[0]:g}"
            )
        return given

    def _classes(self, given: Array) -> Array:
        """Return class indices from indices, names, or rows of zeros and one 1."""
        classes = self.output.shape[-1]
        if given.dtype.kind not in "biuf":
            if not self.labels:
                raise UsageProblemError(
                    f"{self.rows.source}: the targets are names like {str(given.ravel()[0])!r}, but the model "
                    f"has no names of classes; give class indices from 0 to {classes - 1}"
                )
            indices = class_indices({str(one) for one in given.ravel()}, classes=classes, labels=self.labels)
            return np.array([indices[str(one)] for one in given.ravel()]).reshape(given.shape)
        if given.shape[1:] == self.output.shape[1:]:
            if not (np.isin(given, (0, 1)).all() and (given.sum(axis=-1) == 1).all()):
                raise UsageProblemError(
                    f"{self.rows.source}: the targets of {self.output.name} with a number for every class must hold "
                    f"a single 1 in each row, and zeros; or give class indices from 0 to {classes - 1}"
                )
            return np.asarray(given.argmax(axis=-1))
        if given.ndim == len(self.output.shape) and given.shape[-1] == 1:
            given = given[..., 0]
        if given.shape[1:] != self.output.shape[1:-1] or not np.array_equal(given, np.rint(given)):
            raise UsageProblemError(
                f"{self.rows.source}: the targets have the shape {_rows(given.shape)}; {self.output.name} takes class "
                f"indices {_rows(self.output.shape[:-1])}"
            )
        if given.min() < 0 or given.max() >= classes:
            raise UsageProblemError(
                f"{self.rows.source}: class {given.max() if given.max() >= classes else given.min():g} does not exist: "
                f"the model has classes 0 to {classes - 1}"
            )
        return given.astype(np.int64)


def value_scores(found: Array, expected: Array) -> dict[str, float]:
    """Return R2, mean absolute error and root mean square error of real numbers (N, ...), pooled over all elements.

    R2 compares the error with the deviation of each element from its mean over the rows; 0 if nothing deviates.
    """
    error = found - expected.astype(np.float64)
    deviation = expected - expected.mean(axis=0)
    spread = float(np.square(deviation, dtype=np.float64).sum())
    return {
        "r2": 1 - float(np.square(error).sum()) / spread if spread else 0.0,
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.square(error).mean())),
    }


def _class_scores(found: Array, targets: Array) -> dict[str, float]:
    best = np.argsort(-found, axis=-1, kind="stable")[..., :5]
    hits = best == targets[..., None]
    top1 = {"top1": float(hits[..., 0].mean())}
    return {**top1, "top5": float(hits.any(axis=-1).mean())} if found.shape[-1] > FIVE else top1


def _rows(shape: Sequence[int]) -> str:
    return f"({', '.join(('N', *map(str, shape[1:])))})"

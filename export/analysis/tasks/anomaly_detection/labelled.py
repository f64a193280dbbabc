"""Rows with what is known about them, and the scores of their reconstructions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.inputs import InputSpec
from calibration.labelled_rows import LabelledRows
from calibration.samples import Array, Samples
from zoo.errors import CheckFailedError
from zoo.inputs import Input


def errors(inputs: Array, reconstructions: Array) -> Array:
    """Return the score of anomaly of each row: the mean squared error of its reconstruction, float64 (N,)."""
    difference = np.asarray(reconstructions, np.float64) - inputs
    return np.asarray(np.square(difference).reshape(len(inputs), -1).mean(axis=1))


def area_under_curve(scores: Array, is_anomaly: Array) -> float:
    """Return the chance that an anomaly has a higher score than a normal row: the area under the ROC curve.

    Equal scores count half (Mann, Whitney 1947). NaN if there are only anomalies, or none.
    """
    from scipy.stats import rankdata

    anomalies = np.asarray(is_anomaly) > 0
    positive, negative = int(anomalies.sum()), int((~anomalies).sum())
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(scores)[anomalies].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


@dataclass(frozen=True, kw_only=True)
class Spectra:
    """Saved rows, of which some are known to be anomalous.

    Attributes:
        samples: the rows.
        input: name of the input, which the output reconstructs.
        output: name of the reconstruction.
        is_anomaly: 1 for an anomaly, 0 for a normal row, in the order of the samples.
    """

    samples: Samples
    input: str
    output: str
    is_anomaly: Array

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the area under the curve, and the mean error of the normal rows."""
        found, given = outputs[self.output], np.asarray(self.samples.inputs[self.input])
        if not np.isfinite(found).all():
            raise CheckFailedError("the outputs contain NaN or infinity")
        if found.shape != given.shape:
            raise CheckFailedError(f"the reconstructions have the shape {found.shape}, the inputs {given.shape}")
        anomaly_scores = errors(given, found)
        return {
            "auc": area_under_curve(anomaly_scores, self.is_anomaly),
            "reconstruction_error": float(anomaly_scores[self.is_anomaly == 0].mean()),
        }


@dataclass(frozen=True, kw_only=True)
class KnownRows:
    """Rows that are normal or anomalous, not yet saved.

    Attributes:
        rows: the rows, with 0 and 1 as targets of the output.
        inputs: the model's only input, by name.
        contracts: its meaning, by name.
        output: name of the reconstruction.
    """

    rows: LabelledRows
    inputs: Mapping[str, InputSpec]
    contracts: Mapping[str, Input]
    output: str

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> Spectra:
        """Save the rows that calibration did not use in `work`."""
        samples, kept = self.rows.write(work, self.inputs, self.contracts, exclude=exclude, seed=seed)
        known = np.asarray(self.rows.targets[self.output]).reshape(-1)[kept]
        return Spectra(samples=samples, input=next(iter(self.inputs)), output=self.output, is_anomaly=known)

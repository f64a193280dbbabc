"""The task anomaly detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from calibration.inputs import InputSpec
from calibration.labelled_rows import find_rows
from calibration.samples import Array
from export.analysis.tasks.anomaly_detection.labelled import KnownRows, errors
from export.analysis.tasks.prediction import Described, Prediction
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import AUC, RECONSTRUCTION_ERROR, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class AnomalyDetection:
    """Rows that a network reconstructs; the mean squared error of the reconstruction is the score of anomaly."""

    name = "anomaly detection"
    metrics: tuple[Metric, ...] = (AUC, RECONSTRUCTION_ERROR)
    examples = "an .npz, a .csv of numbers or module:function with inputs, and 1 for an anomaly or 0 as the target"
    takes_photos = False
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: any network whose output has the shape of its input could be one."""
        return False

    def find(self, subject: Subject, source: str) -> KnownRows:
        """Return the rows in `source`."""
        (given,), (made,) = signature.inputs(subject.model), signature.outputs(subject.model)
        inputs = {given.name: InputSpec(shape=given.shape[1:], dtype=given.dtype)}
        rows = find_rows(source, inputs, (made.name,))
        known = rows.targets[made.name]
        count = len(next(iter(rows.inputs.values())))
        if known.size != count or known.dtype.kind not in "biuf" or set(known.reshape(-1).tolist()) != {0, 1}:
            raise UsageProblemError(
                f"{rows.source}: anomaly detection takes 1 for each row that is anomalous and 0 for each that is "
                "normal, and at least one of both; call that array label"
            )
        return KnownRows(rows=rows, inputs=inputs, contracts=subject.inputs, output=made.name)

    def reads(self, described: Described) -> bool:
        """Return whether there is a single output, which can be compared with the input."""
        return len(described.outputs) == 1

    def class_count(self, described: Described) -> int:
        """Return 0."""
        return 0

    def read(
        self,
        outputs: Mapping[str, Array],
        described: Described,
        *,
        class_names: Sequence[str],
        photo_sizes: Sequence[tuple[int, int]],
        names: Sequence[str],
        top: int,
    ) -> tuple[Prediction, ...]:
        """Return the score of anomaly of each row."""
        (found,), (given,) = outputs.values(), described.inputs.values()
        return tuple(_prediction(float(score)) for score in errors(np.asarray(given), found))


def _prediction(score: float) -> Prediction:
    words = f"score of anomaly {score:.4g}: the mean squared error of the reconstruction"
    return Prediction(record={"anomaly_score": score}, rows=(), nothing=words)


ANOMALY_DETECTION = AnomalyDetection()

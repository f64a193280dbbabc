"""The task anomaly detection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calibration.inputs import InputSpec
from calibration.labelled_rows import find_rows
from export.analysis.tasks.anomaly_detection.labelled import KnownRows
from export.analysis.tasks.task import WithoutPredictions
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import AUC, RECONSTRUCTION_ERROR, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class AnomalyDetection(WithoutPredictions):
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


ANOMALY_DETECTION = AnomalyDetection()

"""The tasks of models that take rows: regression and decisions; rows of classes belong to the task classification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calibration.inputs import InputSpec
from calibration.labelled_rows import find_rows
from export.analysis.tasks.rows.labelled import RowsOfModel
from export.analysis.tasks.task import WithoutPredictions
from export.model import signature
from export.model.output_kinds import output_kinds
from zoo.errors import UsageProblemError
from zoo.metric import ACCURACY, MAE, R2, RMSE, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class _RowTask(WithoutPredictions):
    """A task whose labelled data are rows of arrays."""

    examples = "an .npz, a .csv of numbers or module:function with inputs and targets"
    takes_photos = False
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: the labelled data decide, not the model."""
        return False

    def find(self, subject: Subject, source: str) -> RowsOfModel:
        """Return the rows in `source`."""
        return find(subject, source)


class Regression(_RowTask):
    """Real numbers."""

    name = "regression"
    metrics: tuple[Metric, ...] = (R2, MAE, RMSE)


class Decisions(_RowTask):
    """Independent yes-or-no decisions, or integers."""

    name = "decisions"
    metrics: tuple[Metric, ...] = (ACCURACY,)


REGRESSION, DECISIONS = Regression(), Decisions()


def find(subject: Subject, source: str) -> RowsOfModel:
    """Return the rows with targets in `source`, for one output of the model.

    Raises:
        UsageProblemError: the source cannot be read, does not fit the model, or holds targets of several outputs.
    """
    model, generated = subject.model, subject.made_up_inputs
    inputs = {
        spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype, texts=subject.texts.get(spec.name))
        for spec in signature.inputs(model)
    }
    if generated:
        raise UsageProblemError(f"--evaluate with rows cannot fill the random input {', '.join(generated)}")
    outputs = {spec.name: spec for spec in signature.outputs(model)}
    rows = find_rows(source, inputs, outputs)
    if len(rows.targets) > 1:
        raise UsageProblemError(
            f"{source} holds targets of {len(rows.targets)} outputs, {', '.join(rows.targets)}; keep those of one"
        )
    (name,) = rows.targets
    found = RowsOfModel(
        rows=rows,
        inputs=inputs,
        contracts=subject.inputs,
        output=outputs[name],
        kind=output_kinds(model, subject.losses, subject.task)[name],
        labels=subject.labels,
    )
    found.expected()  # refuses targets that do not fit before anything slow starts
    return found

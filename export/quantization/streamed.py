"""Export the streaming form of a model: samples are single steps of the sequences, each with the state before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from calibration.samples import Array
from export.model.streaming import steps
from export.model.streaming.step_model import StepModel, step_model
from export.quantization.export_run import ExportRun, Stream

# Steps that calibrate, and that the proof compares one by one; beside them, it runs whole sequences.
ROWS = 256


def form_of(run: ExportRun) -> StepModel:
    """Return the streaming form of an export's model, compared with the model on a few sequences.

    Raises:
        UsageProblemError: the model has no streaming form.
    """
    form = step_model(run.subject.model)
    steps.check(form, run.samples.calibration)
    return form


def streamed(run: ExportRun, form: StepModel, expected: Mapping[str, Array]) -> ExportRun:
    """Return the export of the streaming form.

    Args:
        run: the export of the model of whole sequences.
        form: its streaming form.
        expected: outputs of that model for the probe.
    """
    samples, seed = run.samples, run.recipe.seed
    sequences = run.work / "sequences"
    sequences.mkdir()
    samples.probe.save(sequences)
    calibration = steps.rows(form, samples.calibration, ROWS, seed).save(samples.calibration_folder)
    probe = steps.rows(form, samples.probe, ROWS, seed).save(samples.probe_folder)
    return replace(
        run,
        subject=replace(run.subject, model=form.model, state=form.state, notes=(*run.subject.notes, _note(form.state))),
        samples=replace(samples, calibration=calibration, probe=probe),
        stream=Stream(sequences=sequences, expected=expected, state=form.state, series=form.series, steps=form.steps),
    )


def _note(state: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{after} into {before}" for before, after in state.items())
    return f"one step at a time: begin with states of zeros, and feed every new state into the next step ({pairs})"

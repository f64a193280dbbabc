"""Inputs, outputs and state of a subject's entry points, under unique names.

Most subjects have one entry point, the model itself, whose inputs and outputs keep their names. The tensors of several
entry points are named "ENTRY/NAME" everywhere: in samples, outputs, golden data, manifests and checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from calibration.samples import Array, Samples
from export.metrics import OutputKind
from export.model import reference, signature
from export.model.output_kinds import output_kinds as of_model
from export.model.subject import Subject
from export.model.tensor_spec import TensorSpec
from zoo.entry_points import SERVE, EntryPoint, name_of, of_entry
from zoo.inputs import Input


def entry_points(subject: Subject) -> Mapping[str, EntryPoint]:
    """Return the entry points by name."""
    return subject.entries or {SERVE: EntryPoint(model=subject.model, state=subject.state)}


def inputs(subject: Subject) -> tuple[TensorSpec, ...]:
    """Return the inputs of all entry points, with a static batch of 1.

    Raises:
        UsageProblemError: a dimension other than the batch is unknown.
    """
    return tuple(
        replace(spec, name=name_of(entry, spec.name))
        for entry, point in entry_points(subject).items()
        for spec in signature.inputs(point.model)
    )


def contracts(subject: Subject) -> dict[str, Input]:
    """Return the meaning of the inputs of all entry points, by name."""
    return {
        name_of(entry, spec.name): subject.inputs[spec.name]
        for entry, point in entry_points(subject).items()
        for spec in signature.inputs(point.model)
        if spec.name in subject.inputs
    }


def state(subject: Subject) -> dict[str, str]:
    """Return the output that feeds each state input at the next step: input name -> output name."""
    return {
        name_of(entry, name): source
        for entry, point in entry_points(subject).items()
        for name, source in point.state.items()
    }


def outputs(subject: Subject, samples: Samples) -> dict[str, Array]:
    """Return the outputs of all entry points on `samples`, (N, ...) by name.

    Raises:
        CheckFailedError: an output contains NaN or infinity.
    """
    return {
        name_of(entry, name): values
        for entry, point in entry_points(subject).items()
        for name, values in reference.outputs(point.model, of(entry, samples)).items()
    }


def output_kinds(subject: Subject) -> dict[str, OutputKind]:
    """Return what the outputs of all entry points mean, by name."""
    return {
        name_of(entry, name): kind
        for entry, point in entry_points(subject).items()
        for name, kind in of_model(point.model, subject.losses, subject.task).items()
    }


def of(entry: str, samples: Samples) -> Samples:
    """Return the samples of one entry point, under the names of its own inputs."""
    if entry == SERVE:
        return samples
    named = ((of_entry(entry, name), values) for name, values in samples.inputs.items())
    photo = of_entry(entry, samples.photo_input) if samples.photo_input is not None else None
    return replace(
        samples,
        inputs={name: values for name, values in named if name is not None},
        photos=samples.photos if photo is not None else None,
        photo_input=photo,
        digests=(),
    )


def with_state(subject: Subject, samples: Samples) -> Samples:
    """Return the samples with every state input set to the output that another entry point gives for that sample."""
    continued = state(subject)
    found: dict[str, Array] = dict(samples.inputs)
    for entry, point in entry_points(subject).items():
        wanted = {name: source for name, source in continued.items() if of_entry(entry, source) is not None}
        if wanted:
            left = reference.outputs(point.model, of(entry, samples.with_inputs(found)))
            found |= {name: np.asarray(left[str(of_entry(entry, source))]) for name, source in wanted.items()}
    return samples.with_inputs(found)

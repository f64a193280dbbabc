"""Stages: a Keras model becomes a new Keras model, before any conversion, for all formats at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from calibration.samples import Samples
from export import signature

if TYPE_CHECKING:
    import keras


class StageRefusedError(Exception):
    """A stage cannot work on this model; the message says why, in words that fit behind "skipped: "."""


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """What a stage did, for the manifest.

    Attributes:
        name: of the stage.
        parameters: that decide its numbers.
        seconds: that it took.
        layers: that it changed, by name.
        skipped: the others that it might have changed: name -> reason.
        measured: what it measured on the samples.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    layers: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)


@dataclass(frozen=True)
class Staged:
    """A stage's new model, and what was done."""

    model: keras.Model
    record: StageRecord


class Stage(Protocol):
    """A step from a model to a better one; it leaves its input as it is."""

    def __call__(self, model: keras.Model, samples: Samples) -> Staged:
        """Return a new model with the same inputs and outputs.

        Raises:
            StageRefusedError: this model is not for this stage.
        """
        ...


def apply(stage: Stage, model: keras.Model, samples: Samples) -> Staged:
    """Return what the stage makes of `model`, after asking whether it kept the contract.

    Raises:
        StageRefusedError: as the stage.
        RuntimeError: a bug in the stage: it returned or changed its input, or changed the signature.
    """
    before = _digest(model)
    staged = stage(model, samples)
    if staged.model is model:
        raise RuntimeError(f"stage {staged.record.name} returned the model that it was given")
    shared = {id(variable) for variable in model.variables} & {id(variable) for variable in staged.model.variables}
    if shared or _digest(model) != before:
        raise RuntimeError(f"stage {staged.record.name} changed or shares the weights of the model that it was given")
    if _signature(staged.model) != _signature(model):
        raise RuntimeError(f"stage {staged.record.name} changed the model's inputs or outputs")
    return staged


def _signature(model: keras.Model) -> object:
    # Not the outputs' types: a model trained in mixed precision and set to float32 since remembers float16.
    return signature.inputs(model), [(spec.name, spec.shape) for spec in signature.outputs(model)]


def _digest(model: keras.Model) -> bytes:
    import numpy as np

    digest = hashlib.blake2b()
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).data)
    return digest.digest()

"""Passes: each makes a new Keras model from a Keras model, before any conversion, for all formats at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from calibration.samples import Samples
from export.errors import PassRefusedError
from export.metrics import compare
from export.model import reference, signature

if TYPE_CHECKING:
    import keras

# Float rounding through a deep network; a mistake in one channel leaves less.
EXACT_DB, CHECKED_SAMPLES = 70.0, 4


@dataclass(frozen=True, kw_only=True)
class PassRecord:
    """What a pass did, for the manifest.

    Attributes:
        name: of the pass.
        parameters: that decide its numbers.
        seconds: that it took.
        exact: whether the answers are promised to stay, to float rounding.
        layers: that it changed, by name.
        skipped: the others that it might have changed: name -> reason.
        measured: what it measured on the samples.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    exact: bool = False
    layers: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)


@dataclass(frozen=True)
class PassResult:
    """A pass's new model, and what was done."""

    model: keras.Model
    record: PassRecord


class Pass(Protocol):
    """A step from a model to a better one; it leaves its input as it is."""

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return a new model with the same inputs and outputs.

        Raises:
            PassRefusedError: this model is not for this pass.
        """
        ...


def apply(one: Pass, model: keras.Model, samples: Samples) -> PassResult:
    """Return the result of a pass, after checking that it kept the contract.

    Raises:
        PassRefusedError: as the pass; or the outputs, which it promised to keep, changed.
        CheckFailedError: the model itself gives NaN or infinity.
        RuntimeError: a bug in the pass: it returned or changed its input, or changed the signature.
    """
    before = _digest(model)
    result = one(model, samples)
    if result.model is model:
        raise RuntimeError(f"pass {result.record.name} returned the model that it was given")
    shared = {id(variable) for variable in model.variables} & {id(variable) for variable in result.model.variables}
    if shared or _digest(model) != before:
        raise RuntimeError(f"pass {result.record.name} changed or shares the weights of the model that it was given")
    if _signature(result.model) != _signature(model):
        raise RuntimeError(f"pass {result.record.name} changed the model's inputs or outputs")
    if result.record.exact:
        _check_answers(model, result, samples)
    return result


def _check_answers(model: keras.Model, result: PassResult, samples: Samples) -> None:
    import keras
    import numpy as np

    few = np.linspace(0, len(samples) - 1, min(CHECKED_SAMPLES, len(samples)), dtype=np.int64)
    some = samples.take(few)
    given = [np.asarray(some.inputs[spec.name]) for spec in signature.inputs(model)]
    # Called as it is: to compile it would take longer than these few samples.
    pairs = [
        keras.tree.flatten(one(given[0] if len(given) == 1 else given, training=False)) for one in (model, result.model)
    ]
    names = [spec.name for spec in signature.outputs(model)]
    for name, expected, found in zip(names, *pairs, strict=True):
        reference.refuse(name, np.asarray(expected))
        sqnr_db = compare(reference=np.asarray(expected), actual=np.asarray(found)).sqnr_db
        if not sqnr_db > EXACT_DB:
            raise PassRefusedError(f"pass {result.record.name} does not keep the answers: {sqnr_db:.0f} dB")


def _signature(model: keras.Model) -> object:
    # Not the outputs' types: a model trained in mixed precision and set to float32 since remembers float16.
    return signature.inputs(model), [(spec.name, spec.shape) for spec in signature.outputs(model)]


def _digest(model: keras.Model) -> bytes:
    import numpy as np

    digest = hashlib.blake2b()
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).data)
    return digest.digest()

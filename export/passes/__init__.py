"""Passes transform a Keras model into a new Keras model before conversion, for all formats at once."""

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

# Float rounding in a deep network stays above this SQNR; an error in a single channel does not.
EXACT_DB, CHECKED_SAMPLES = 70.0, 4


@dataclass(frozen=True, kw_only=True)
class PassRecord:
    """Manifest entry of a pass.

    Attributes:
        name: name of the pass.
        parameters: parameters that determine its result.
        seconds: duration in seconds.
        exact: whether the pass preserves the outputs up to float rounding.
        layers: names of the changed layers.
        skipped: reasons for layers with weights that were not changed, by name.
        measured: measurements on the samples.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    exact: bool = False
    layers: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the manifest entry as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class PassResult:
    """New model of a pass, with its record."""

    model: keras.Model
    record: PassRecord


class Pass(Protocol):
    """A transformation of a model, which leaves its input unchanged."""

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return a new model with the same inputs and outputs.

        Raises:
            PassRefusedError: the pass does not support this model.
        """
        ...


def apply(one: Pass, model: keras.Model, samples: Samples) -> PassResult:
    """Run a pass and check its result: input unchanged, same signature, same outputs if `exact`.

    Raises:
        PassRefusedError: the pass does not support the model, changed names or shapes of inputs or outputs, or is exact
            and changed the outputs.
        CheckFailedError: an output of the model contains NaN or infinity.
        RuntimeError: a bug in the pass: it returned or changed its input.
    """
    before = _digest(model)
    result = one(model, samples)
    if result.model is model:
        raise RuntimeError(f"pass {result.record.name} returned its input model")
    shared = {id(variable) for variable in model.variables} & {id(variable) for variable in result.model.variables}
    if shared or _digest(model) != before:
        raise RuntimeError(f"pass {result.record.name} changed the weights of its input model or shares them")
    if _signature(result.model) != _signature(model):
        raise PassRefusedError(
            f"pass {result.record.name} changed the names or shapes of the model's inputs or outputs"
        )
    if result.record.exact:
        _check_outputs(model, result, samples)
    return result


def _check_outputs(model: keras.Model, result: PassResult, samples: Samples) -> None:
    import keras
    import numpy as np

    few = np.linspace(0, len(samples) - 1, min(CHECKED_SAMPLES, len(samples)), dtype=np.int64)
    some = samples.take(few)
    given = [np.asarray(some.inputs[spec.name]) for spec in signature.inputs(model)]
    # Eager calls: compiling would take longer than running these few samples.
    pairs = [
        keras.tree.flatten(one(given[0] if len(given) == 1 else given, training=False)) for one in (model, result.model)
    ]
    names = [spec.name for spec in signature.outputs(model)]
    for name, expected, found in zip(names, *pairs, strict=True):
        reference.check_finite(name, np.asarray(expected))
        sqnr_db = compare(reference=np.asarray(expected), actual=np.asarray(found)).sqnr_db
        if not sqnr_db > EXACT_DB:
            raise PassRefusedError(
                f"pass {result.record.name} changed the outputs: SQNR {sqnr_db:.0f} dB; more than {EXACT_DB:.0f} dB is "
                "required"
            )


def _signature(model: keras.Model) -> object:
    # Output types are ignored: a model trained in mixed precision and switched to float32 still reports float16.
    return signature.inputs(model), [(spec.name, spec.shape) for spec in signature.outputs(model)]


def _digest(model: keras.Model) -> bytes:
    import numpy as np

    digest = hashlib.blake2b()
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).data)
    return digest.digest()

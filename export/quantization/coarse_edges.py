"""Find inputs and outputs for which one 8-bit grid is too coarse, and the layers to compute in float instead.

An int8 tensor has one step for all its values. Raw features of different scale (an area in thousands, a ratio below 1)
lose the small ones to it, and so does a regression that varies by little around a large value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array
from export.errors import PassRefusedError
from export.metrics import OutputKind, compare
from export.model import entries, reference, signature
from export.model.graph import Graph, functional
from export.passes.fold import flat
from export.quantization.export_run import CoarseEdges, ExportRun
from export.recipe import Io, Width
from export.scheme import INT8

if TYPE_CHECKING:
    import keras

# A grid is too coarse if it alone takes more than this fraction of the outputs' variation; reconstruction and all other
# roundings together cost 0.001 to 0.015 in trained networks.
MOST_LOST = 0.01
MOST_SAMPLES = 64
STEPS = 255

# Layers that compute nothing in a file, or only move numbers.
_PASSING_ON = frozenset({"Reshape", "Flatten", "Permute", "Identity", "Dropout", "GaussianNoise", "Cast", "ExpandDims"})


def find(run: ExportRun) -> CoarseEdges:
    """Return the layers of the int8 file that read a coarse input or compute a coarse output.

    Nothing is found where the recipe decides itself: integer inputs and outputs, layers by name, or a budget.

    Raises:
        CheckFailedError: an output of the model is NaN or infinite.
    """
    recipe, model = run.recipe, run.subject.model
    decides = recipe.raised or recipe.budget.is_asked or run.io(INT8) is not Io.FLOAT32
    if INT8 not in recipe.schemes or decides or not run.judges(INT8) or run.subject.entries:
        return CoarseEdges()
    try:
        copy = functional(flat(model))
    except PassRefusedError:
        return CoarseEdges()
    calibration = run.samples.calibration
    samples = calibration.take(np.arange(min(MOST_SAMPLES, len(calibration))))
    kinds = entries.output_kinds(run.subject)
    expected = reference.outputs(model, samples)
    widths: dict[str, Width] = {}
    reasons = []
    for spec, tensor in zip(signature.inputs(model), copy.inputs, strict=True):
        values = samples.inputs[spec.name]
        if spec.name == run.photo_input or not np.issubdtype(values.dtype, np.floating):
            continue
        rounded = samples.with_inputs({**samples.inputs, spec.name: on_grid(values)})
        found = reference.outputs(model, rounded)
        lost = max(_lost(expected[name], found[name], kinds[name]) for name in expected)
        if lost > MOST_LOST:
            widths |= dict.fromkeys(_readers(copy, tensor), Width.FLOAT32)
            reasons.append(f"8 bits are too coarse for the input {spec.name}: they alone cost {_share(lost)}")
    for name, tensor in zip(signature.names(model)[1], copy.outputs, strict=True):
        if kinds[name] not in (OutputKind.VALUES, OutputKind.DECISIONS):
            continue
        lost = _lost(expected[name], on_grid(expected[name]), kinds[name])
        if lost > MOST_LOST:
            widths |= {maker: Width.W8A32 for maker in _maker(copy, tensor) if maker not in widths}
            reasons.append(f"8 bits are too coarse for the output {name}: they alone cost {_share(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def on_grid(values: Array) -> Array:
    """Return values (N, ...) rounded to the 8-bit grid that covers them and zero, as int8 files store them."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    step = (high - low) / STEPS
    return values if step == 0 else (np.rint(values / step) * step).astype(values.dtype)


def _lost(expected: Array, found: Array, kind: OutputKind) -> float:
    """Return the fraction of an output's variation that is lost; 0 if it does not vary."""
    r2 = compare(reference=expected, actual=found, kind=kind).r2
    return 0.0 if r2 is None else 1 - r2


def _share(lost: float) -> str:
    return f"{min(lost, 1.0):.0%} of the outputs' variation"


def _readers(model: keras.Model, tensor: Any) -> Iterator[str]:
    """Yield the operations that compute with a tensor, directly or behind operations that only move it."""
    for node in Graph(model).nodes:
        if any(one is tensor for one in node.input_tensors):
            if _moves(node.operation):
                yield from _readers(model, node.outputs[0])
            else:
                yield node.operation.name


def _maker(model: keras.Model, tensor: Any) -> Iterator[str]:
    """Yield the operation that computes a tensor, directly or before operations that only move it."""
    for node in Graph(model).nodes:
        if any(one is tensor for one in node.outputs):
            if _moves(node.operation):
                yield from _maker(model, node.input_tensors[0])
            else:
                yield node.operation.name


def _moves(operation: Any) -> bool:
    return type(operation).__name__ in _PASSING_ON

"""Find inputs and outputs for which one 8-bit grid is too coarse, and the layers to compute in float instead.

An int8 tensor has one step for all its values. Raw features of different scale (an area in thousands, a ratio below 1)
lose the small ones to it, and so does a regression that varies by little around a large value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
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

Outputs = Mapping[str, Array]
Kinds = Mapping[str, OutputKind]

# A grid is too coarse if it alone takes more than this fraction of the outputs' variation; reconstruction and all other
# roundings together cost 0.001 to 0.015 in trained networks.
MOST_LOST = 0.01
# Of an output, by its kind. Of classes the largest counts, and their variation must only be there at all: the softmax
# of a hardly trained network varies by less than its step of 1 / 256.
MOST_LOST_OF = {
    OutputKind.VALUES: MOST_LOST,
    OutputKind.DECISIONS: MOST_LOST,
    OutputKind.CLASSES: 0.1,
    OutputKind.LABELS: 1.0,
}
MOST_SAMPLES = 64
STEPS = 255
SHARE_STEPS = 256

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
    is_float_only = bool(run.subject.entries or run.subject.decoder)
    if INT8 not in recipe.schemes or decides or not run.judges(INT8) or is_float_only:
        return CoarseEdges()
    try:
        copy = functional(flat(model))
    except PassRefusedError:
        return CoarseEdges()
    calibration = run.samples.calibration
    samples = calibration.take(np.arange(min(MOST_SAMPLES, len(calibration))))
    kinds, expected = entries.output_kinds(run.subject), reference.outputs(model, samples)
    inputs = _coarse_inputs(run, copy, samples, expected, kinds)
    outputs = _coarse_outputs(copy, expected, kinds)
    return CoarseEdges(widths={**outputs.widths, **inputs.widths}, reasons=(*inputs.reasons, *outputs.reasons))


def _coarse_inputs(run: ExportRun, copy: keras.Model, samples: Samples, expected: Outputs, kinds: Kinds) -> CoarseEdges:
    """Return the layers that read an input, or several joined inputs, whose grid alone costs too much."""
    names, model = [spec.name for spec in signature.inputs(run.subject.model)], run.subject.model
    widths: dict[str, Width] = {}
    reasons = []
    for group, layers in _read_together(copy).items():
        joined = {names[position]: samples.inputs[names[position]] for position in group}
        if not _are_features(joined, run.photo_input) or _are_ids(copy, layers):
            continue
        rounded = dict(zip(joined, on_grid(*joined.values()), strict=True))
        found = reference.outputs(model, samples.with_inputs({**samples.inputs, **rounded}))
        lost = max(_lost(expected[name], found[name], kinds[name]) for name in expected)
        if lost > MOST_LOST:
            widths |= dict.fromkeys(layers, Width.FLOAT32)
            reasons.append(f"8 bits are too coarse for {_inputs_in_words(joined)}: they alone cost {_share(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def _coarse_outputs(copy: keras.Model, expected: Outputs, kinds: Kinds) -> CoarseEdges:
    """Return the layers that compute an output whose grid alone costs too much of what the output means."""
    widths: dict[str, Width] = {}
    reasons = []
    for name, tensor in zip(expected, copy.outputs, strict=True):
        lost = _lost(expected[name], _as_output(expected[name], kinds[name]), kinds[name])
        if lost > MOST_LOST_OF[kinds[name]]:
            widths |= dict.fromkeys(_maker(copy, tensor), Width.W8A32)
            reasons.append(f"8 bits are too coarse for the output {name}: they alone cost {_share(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def on_grid(*arrays: Array) -> tuple[Array, ...]:
    """Return arrays (N, ...) rounded to the 8-bit grid that covers all of them and zero, as int8 files store them."""
    low, high = min(0.0, *(float(one.min()) for one in arrays)), max(0.0, *(float(one.max()) for one in arrays))
    step = (high - low) / STEPS
    return tuple(one if step == 0 else (np.rint(one / step) * step).astype(one.dtype) for one in arrays)


def _as_output(values: Array, kind: OutputKind) -> Array:
    """Return an output as an int8 file stores it: the grid of a softmax or a sigmoid is fixed, in steps of 1 / 256."""
    is_share = kind in (OutputKind.CLASSES, OutputKind.DECISIONS) and values.min() >= 0 and values.max() <= 1
    return (np.rint(values * SHARE_STEPS) / SHARE_STEPS).astype(values.dtype) if is_share else on_grid(values)[0]


def _lost(expected: Array, found: Array, kind: OutputKind) -> float:
    """Return the fraction of an output's variation that is lost: 0 if it does not vary, all if a channel is lost."""
    compared = compare(reference=expected, actual=found, kind=kind)
    if compared.constant_outputs:
        return 1.0
    return 0.0 if compared.r2 is None else 1 - compared.r2


def _share(lost: float) -> str:
    return f"{min(lost, 1.0):.0%} of the outputs' variation"


def _are_features(inputs: Mapping[str, Array], photo_input: str | None) -> bool:
    return photo_input not in inputs and all(np.issubdtype(one.dtype, np.floating) for one in inputs.values())


def _are_ids(model: keras.Model, layers: Collection[str]) -> bool:
    """Return whether only embeddings read an input: the file keeps its ids in float32."""
    import keras

    embeddings = {layer.name for layer in model.layers if isinstance(layer, keras.layers.Embedding)}
    return embeddings.issuperset(layers)


def _inputs_in_words(names: Collection[str]) -> str:
    return f"the input{'s' * (len(names) > 1)} {' and '.join(names)}" + " on one grid" * (len(names) > 1)


def _read_together(model: keras.Model) -> dict[tuple[int, ...], dict[str, None]]:
    """Return the layers that compute with each input, or with several inputs joined in one tensor.

    Returns:
        The names of the layers that read the tensor or join it, in order, by the positions of its inputs.
    """
    parts: dict[int, tuple[int, ...]] = {id(tensor): (position,) for position, tensor in enumerate(model.inputs)}
    found: dict[tuple[int, ...], dict[str, None]] = {}
    for node in Graph(model).nodes:
        sources = [parts.get(id(tensor)) for tensor in node.input_tensors]
        joins = type(node.operation).__name__ == "Concatenate"
        if (joins or _moves(node.operation)) and None not in sources:
            together = tuple(sorted({position for one in sources if one for position in one}))
            parts[id(node.outputs[0])] = together
            if joins:
                found.setdefault(together, {})[node.operation.name] = None
            continue
        for one in filter(None, sources):
            found.setdefault(one, {})[node.operation.name] = None
    return found


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

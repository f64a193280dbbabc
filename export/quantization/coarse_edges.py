"""Find inputs and outputs for which one grid of integers is too coarse, and the layers to compute in float instead.

An integer tensor has one step for all its values. Raw features of different scale (an area in thousands, a ratio below
1) lose the small ones to it, and so does a regression that varies by little around a large value. 16 bits have finer
steps, but features may differ by more than these: by a factor of a million in tables of sensors or of finance.
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
from export.scheme import INT8, SCHEMES, Scheme

if TYPE_CHECKING:
    import keras

Outputs = Mapping[str, Array]
Kinds = Mapping[str, OutputKind]

# A grid is too coarse if it alone takes more than this fraction of the outputs' variation, by its bits. In trained
# networks, reconstruction and all other roundings together cost 0.001 to 0.015 with 8-bit activations, and 0.00001 to
# 0.002 with 16 bits.
MOST_LOST = {8: 0.01, 16: 0.001}
# Of an output that means classes, the largest counts, and the variation must only be there at all: the softmax of a
# hardly trained network varies by less than its step of 1 / 256.
MOST_LOST_OF = {OutputKind.CLASSES: 0.1, OutputKind.LABELS: 1.0}
MOST_SAMPLES = 64

# Layers that compute nothing in a file, or only move numbers.
_PASSING_ON = frozenset({"Reshape", "Flatten", "Permute", "Identity", "Dropout", "GaussianNoise", "Cast", "ExpandDims"})


def find(run: ExportRun) -> Mapping[Scheme, CoarseEdges]:
    """Return the layers that read a coarse input or compute a coarse output, by scheme with integer activations.

    Nothing is found where the recipe decides itself: a budget, and in int8 files integer inputs and outputs or layers
    by name.

    Raises:
        CheckFailedError: an output of the model is NaN or infinite.
    """
    model = run.subject.model
    schemes = [scheme for scheme in SCHEMES.values() if scheme in run.recipe.schemes and _is_left_open(run, scheme)]
    if not schemes or run.recipe.budget.is_asked or run.subject.entries or run.subject.decoder:
        return {}
    try:
        copy = functional(flat(model))
    except PassRefusedError:
        return {}
    calibration = run.samples.calibration
    samples = calibration.take(np.arange(min(MOST_SAMPLES, len(calibration))))
    kinds, expected = entries.output_kinds(run.subject), reference.outputs(model, samples)
    found = {}
    for scheme in schemes:
        inputs = _coarse_inputs(run, copy, samples, expected, kinds, scheme.activation_bits)
        outputs = _coarse_outputs(copy, expected, kinds, scheme.activation_bits)
        if widths := {**outputs.widths, **inputs.widths}:
            found[scheme] = CoarseEdges(widths=widths, reasons=(*inputs.reasons, *outputs.reasons))
    return found


def _is_left_open(run: ExportRun, scheme: Scheme) -> bool:
    """Return whether the recipe leaves open which layers of the files of a scheme compute in float."""
    decides = scheme == INT8 and (run.recipe.raised or run.io(INT8) is not Io.FLOAT32)
    return scheme.needs_calibration and run.judges(scheme) and not decides


def _coarse_inputs(
    run: ExportRun, copy: keras.Model, samples: Samples, expected: Outputs, kinds: Kinds, bits: int
) -> CoarseEdges:
    """Return the layers that read an input, or several joined inputs, whose grid alone costs too much."""
    names, model = [spec.name for spec in signature.inputs(run.subject.model)], run.subject.model
    widths: dict[str, Width] = {}
    reasons = []
    for group, layers in _read_together(copy).items():
        joined = {names[position]: samples.inputs[names[position]] for position in group}
        if not _are_features(joined, run.photo_input) or _are_ids(copy, layers):
            continue
        rounded = dict(zip(joined, on_grid(*joined.values(), bits=bits), strict=True))
        found = reference.outputs(model, samples.with_inputs({**samples.inputs, **rounded}))
        lost = max(_lost(expected[name], found[name], kinds[name]) for name in expected)
        if lost > MOST_LOST[bits]:
            widths |= dict.fromkeys(layers, Width.FLOAT32)
            reasons.append(f"{bits} bits are too coarse for {_inputs_in_words(joined)}: they alone cost {_share(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def _coarse_outputs(copy: keras.Model, expected: Outputs, kinds: Kinds, bits: int) -> CoarseEdges:
    """Return the layers that compute an output whose grid alone costs too much of what the output means."""
    widths: dict[str, Width] = {}
    reasons = []
    for name, tensor in zip(expected, copy.outputs, strict=True):
        lost = _lost(expected[name], _as_output(expected[name], kinds[name], bits), kinds[name])
        if lost > MOST_LOST_OF.get(kinds[name], MOST_LOST[bits]):
            widths |= dict.fromkeys(_maker(copy, tensor), Width.W8A32)
            reasons.append(f"{bits} bits are too coarse for the output {name}: they alone cost {_share(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def on_grid(*arrays: Array, bits: int = 8) -> tuple[Array, ...]:
    """Return arrays (N, ...) rounded to the grid that covers all of them and zero; that of 16 bits is symmetric."""
    low, high = min(0.0, *(float(one.min()) for one in arrays)), max(0.0, *(float(one.max()) for one in arrays))
    width = high - low if bits == 8 else 2 * max(-low, high)
    step = width / (2**bits - 1)
    return tuple(one if step == 0 else (np.rint(one / step) * step).astype(one.dtype) for one in arrays)


def _as_output(values: Array, kind: OutputKind, bits: int) -> Array:
    """Return an output as a file stores it: the grid of a softmax or a sigmoid is fixed, of 16 bits from -1 to 1."""
    is_share = kind in (OutputKind.CLASSES, OutputKind.DECISIONS) and values.min() >= 0 and values.max() <= 1
    steps = 2**bits if bits == 8 else 2 ** (bits - 1)  # between 0 and 1; the grid of 16 bits is symmetric
    return (np.rint(values * steps) / steps).astype(values.dtype) if is_share else on_grid(values, bits=bits)[0]


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

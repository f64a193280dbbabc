"""Find inputs, outputs and first weights for which integers are too coarse, and the layers to compute in float instead.

An integer tensor has one step for all its values. Raw features of different scale (an area in thousands, a ratio below
1) lose the small ones to it, and so does a regression that varies by little around a large value. 16 bits have finer
steps, but features may differ by more than these: by a factor of a million in tables of sensors or of finance. What
gives features one scale (a logarithm, a normalization) computes with such tensors, too. A kernel that reads the
features has large weights for the small ones, and one step of 8 bits for all of an output's weights loses the others,
also where activations are float.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export.errors import PassRefusedError
from export.metrics import OutputKind, compare
from export.model import entries, reference, signature
from export.model.graph import Graph, Node, copy, functional
from export.model.run_graph import as_inputs, run_graph
from export.passes.fold import flat
from export.quantization import preparation
from export.quantization.export_run import CoarseEdges, ExportRun
from export.quantization.preparation import Preparation, kernel_of, makers, moves, readers
from export.recipe import Io, Width
from export.scheme import INT8, SCHEMES, W8A32, Scheme

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


def find(run: ExportRun) -> Mapping[Scheme, CoarseEdges]:
    """Return the layers that integers are too coarse for, by scheme with 8-bit weights or integer activations.

    Nothing is found where the recipe decides itself: a budget, and in int8 files integer inputs and outputs.

    Raises:
        CheckFailedError: an output of the model is NaN or infinite.
    """
    model = run.subject.model
    schemes = [scheme for scheme in SCHEMES.values() if scheme in run.recipe.schemes and _is_left_open(run, scheme)]
    if not schemes or run.recipe.budget.is_asked or run.subject.entries or run.subject.decoder:
        return {}
    try:
        copied = functional(flat(model))
    except PassRefusedError:
        return {}
    calibration = run.samples.calibration
    samples = calibration.take(np.arange(min(MOST_SAMPLES, len(calibration))))
    kinds, expected = entries.output_kinds(run.subject), reference.outputs(model, samples)
    prepared = preparation.of(copied, _features(run, copied, samples), samples.inputs)
    weights = _coarse_weights(copied, prepared, samples, expected, kinds)
    found = {}
    for scheme in schemes:
        bits, outputs, before = scheme.activation_bits, CoarseEdges(), [weights]
        if scheme.needs_calibration:
            outputs = _coarse_outputs(copied, expected, kinds, bits)
            inputs = _coarse_inputs(run, copied, samples, expected, kinds, bits)
            before = [inputs, _coarse_middle(copied, prepared, samples, expected, kinds, bits), weights]
        widths = {layer: width for part in (outputs, *before) for layer, width in part.widths.items()}
        if widths:
            found[scheme] = CoarseEdges(widths=widths, reasons=_reasons(outputs, before))
    return found


def _is_left_open(run: ExportRun, scheme: Scheme) -> bool:
    """Return whether the recipe leaves open which layers of the files of a scheme compute in float."""
    decides = scheme == INT8 and run.io(INT8) is not Io.FLOAT32
    return (scheme.needs_calibration or scheme == W8A32) and run.judges(scheme) and not decides


def _reasons(outputs: CoarseEdges, before: Sequence[CoarseEdges]) -> tuple[str, ...]:
    """Return the reasons for outputs, and of the parts before them those of the first that has any: others follow."""
    return (*next((part.reasons for part in before if part.reasons), ()), *outputs.reasons)


def _features(run: ExportRun, model: keras.Model, samples: Samples) -> set[str]:
    """Return the names of the inputs that are features: numbers that are no photo, and no ids of an embedding."""
    found = set()
    for tensor in model.inputs:
        name = tensor._keras_history.operation.name
        if _are_features({name: samples.inputs[name]}, run.photo_input) and not _are_ids(model, readers(model, tensor)):
            found.add(name)
    return found


def _coarse_middle(
    model: keras.Model, prepared: Preparation, samples: Samples, expected: Outputs, kinds: Kinds, bits: int
) -> CoarseEdges:
    """Return the layers that prepare features and compute, or read, a tensor whose grid alone costs too much."""
    widths: dict[str, Width] = {}
    reasons = []
    for node in prepared.nodes:
        if moves(node.operation) or _is_output(model, node):
            continue
        for tensor in node.outputs:
            values, call = prepared.values[id(tensor)], prepared.calls[id(tensor)]
            if not np.issubdtype(values.dtype, np.floating):
                continue
            (rounded,) = on_grid(values, bits=bits)
            lost = _most_lost(expected, _outputs(model, samples.inputs, call, rounded), kinds)
            if lost > MOST_LOST[bits]:
                widths |= dict.fromkeys((*makers(model, tensor), *readers(model, tensor)), Width.FLOAT32)
                reasons.append(f"{bits} bits are too coarse for the output of {node.operation.name}: {_alone(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def _outputs(
    model: keras.Model, inputs: Mapping[str, Array], call: str = "", values: Array | None = None
) -> list[Array]:
    """Return the outputs (N, ...) of a model in its order, with other values for the call of that name."""
    import tensorflow as tf

    def forward(given: Mapping[str, Any], other: Any) -> tuple[Any, ...]:
        return run_graph(model, given, partial(_replaced, call, other)).outputs

    compiled = tf.function(forward, reduce_retracing=True)  # keeps no more activations than it needs
    parts, count = [], len(next(iter(inputs.values())))
    for start in range(0, count, reference.MOST_AT_ONCE):
        few = slice(start, start + reference.MOST_AT_ONCE)
        given = as_inputs(model, {name: one[few] for name, one in inputs.items()})
        parts.append(compiled(given, tf.constant(0.0 if values is None else values[few])))
    return [np.concatenate([one.numpy() for one in found]) for found in zip(*parts, strict=True)]


def _replaced(call: str, values: Any, name: str, value: Any) -> Any:
    """Return `values` for the call of that name, and what any other call computed."""
    return values if name == call else value


def _coarse_weights(
    model: keras.Model, prepared: Preparation, samples: Samples, expected: Outputs, kinds: Kinds
) -> CoarseEdges:
    """Return the first layers with a kernel whose rounding to 8 bits alone costs too much."""
    widths: dict[str, Width] = {}
    reasons = []
    for node in prepared.kernels:
        layer, gain = node.operation, prepared.gain(node)
        if gain is None:
            continue
        rounded = _rounded(np.asarray(kernel_of(node), np.float64), gain)
        try:
            other, layers = copy(model, partial(_fresh, layer))
        except PassRefusedError:
            continue
        values = [rounded if weight is kernel_of(node) else weight.numpy() for weight in layer.weights]
        layers[id(layer)].set_weights(values)
        lost = _most_lost(expected, _outputs(other, samples.inputs), kinds)
        if lost > MOST_LOST[8]:
            widths[layer.name] = Width.FLOAT32
            reasons.append(f"8 bits are too coarse for the weights of {layer.name}: {_alone(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def _fresh(layer: keras.Layer, one: keras.Layer) -> keras.Layer | None:
    """Return a layer like `one`, without its weights, if it is `layer`."""
    return type(one).from_config(one.get_config()) if one is layer else None


def _rounded(kernel: Array, gain: Array) -> Array:
    """Return a kernel (..., inputs, outputs), times its gain (inputs,), rounded to one step for each output."""
    fused = kernel * gain[:, None]
    steps = np.abs(fused).max(axis=tuple(range(fused.ndim - 1)), keepdims=True) / 127
    on_steps = np.rint(np.divide(fused, steps, out=np.zeros_like(fused), where=steps > 0)) * steps
    rounded: Array = (on_steps / gain[:, None]).astype(np.float32)
    return rounded


def _coarse_inputs(
    run: ExportRun, copied: keras.Model, samples: Samples, expected: Outputs, kinds: Kinds, bits: int
) -> CoarseEdges:
    """Return the layers that read an input, or several joined inputs, whose grid alone costs too much."""
    names = [spec.name for spec in signature.inputs(run.subject.model)]
    widths: dict[str, Width] = {}
    reasons = []
    for group, layers in _read_together(copied).items():
        joined = {names[position]: samples.inputs[names[position]] for position in group}
        if not _are_features(joined, run.photo_input) or _are_ids(copied, layers):
            continue
        rounded = dict(zip(joined, on_grid(*joined.values(), bits=bits), strict=True))
        lost = _most_lost(expected, _outputs(copied, {**samples.inputs, **rounded}), kinds)
        if lost > MOST_LOST[bits]:
            widths |= dict.fromkeys(layers, Width.FLOAT32)
            reasons.append(f"{bits} bits are too coarse for {_inputs_in_words(joined)}: {_alone(lost)}")
    return CoarseEdges(widths=widths, reasons=tuple(reasons))


def _coarse_outputs(copied: keras.Model, expected: Outputs, kinds: Kinds, bits: int) -> CoarseEdges:
    """Return the layers that compute an output whose grid alone costs too much of what the output means."""
    widths: dict[str, Width] = {}
    reasons = []
    for name, tensor in zip(expected, copied.outputs, strict=True):
        lost = _lost(expected[name], _as_output(expected[name], kinds[name], bits), kinds[name])
        if lost > MOST_LOST_OF.get(kinds[name], MOST_LOST[bits]):
            widths |= dict.fromkeys(makers(copied, tensor), Width.W8A32)
            reasons.append(f"{bits} bits are too coarse for the output {name}: {_alone(lost)}")
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


def _most_lost(expected: Outputs, found: Sequence[Array], kinds: Kinds) -> float:
    """Return the largest loss of an output, of outputs in the order of the model; all if one became infinite."""
    if not all(np.isfinite(one).all() for one in found):
        return 1.0
    pairs = zip(expected.items(), found, strict=True)
    return max(_lost(values, other, kinds[name]) for (name, values), other in pairs)


def _alone(lost: float) -> str:
    return f"they alone cost {min(lost, 1.0):.0%} of the outputs' variation"


def _are_features(inputs: Mapping[str, Array], photo_input: str | None) -> bool:
    return photo_input not in inputs and all(np.issubdtype(one.dtype, np.floating) for one in inputs.values())


def _are_ids(model: keras.Model, layers: Iterable[str]) -> bool:
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
        if (joins or moves(node.operation)) and None not in sources:
            together = tuple(sorted({position for one in sources if one for position in one}))
            parts[id(node.outputs[0])] = together
            if joins:
                found.setdefault(together, {})[node.operation.name] = None
            continue
        for one in filter(None, sources):
            found.setdefault(one, {})[node.operation.name] = None
    return found


def _is_output(model: keras.Model, node: Node) -> bool:
    return any(one is tensor for one in model.outputs for tensor in node.outputs)

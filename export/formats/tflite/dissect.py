"""Dissect a quantized .tflite in LiteRT, compared with a float file of the same graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export import temporary
from export.formats.dissection import Activation, Floats, Show, Tail, check_points, ends, points
from export.formats.tflite import caps, flatbuffer, shadow_ops, suffix
from export.formats.tflite.census import MOVES
from export.formats.tflite.session import TfliteSession
from export.formats.tflite.steps import SEAMS, steps
from export.model.tensor_spec import TensorSpec

PASSING_ON = MOVES | {"MAX_POOL_2D", "RELU", "RELU6"}


class FloatSide:
    """The float file in LiteRT, with access to all activations and with shadow operators."""

    def __init__(self, content: bytes, quantized: flatbuffer.Model | None = None) -> None:
        """Load a float file; add shadow operators with the constants of `quantized`, if given."""
        self.model = flatbuffer.read(content)
        self.steps = tuple(steps(self.model))
        self._plain = flatbuffer.read(content)
        subgraph = self.model.subgraphs[0]
        self.outputs = [subgraph.tensors[index].name.decode() for index in subgraph.outputs]
        self.pairs = list(paired(self.model, quantized)) if quantized is not None else []
        self.index = {tensor.name.decode(): index for index, tensor in enumerate(self.model.subgraphs[0].tensors)}
        self._shadows = shadow_ops.add(self.model, quantized, self.pairs) if quantized is not None else {}
        self._named = flatbuffer.activations(self._plain)
        self._shown = flatbuffer.with_memory(self.model, flatbuffer.activations(self.model))
        self._bounds = dict(_bounds(self.model))
        self._session = load(flatbuffer.write(self.model))

    def run(self, real: Mapping[str, Array]) -> None:
        """Run one sample, real inputs by name."""
        self._session.invoke({spec.name: spec.quantize(real[spec.name]) for spec in self._session.inputs})

    def activation(self, index: int) -> Floats:
        """Return an activation of the float file."""
        return self._session.view(self._shown[index])

    def activations(self) -> dict[str, Floats]:
        """Return all activations of the float file by name, valid until the next run."""
        return {name: self.activation(index) for index, name in self._named.items()}

    def tail(self, tensor: str) -> Tail:
        """Return the function from values of an activation to pairs of outputs: the float file's and the changed ones.

        The function uses the other activations of the last sample.
        """
        tail = suffix.Tail(self._plain, self.index[tensor], lambda content: load(content, keep_all_tensors=False))

        def run(values: Floats) -> list[tuple[Array, Array]]:
            return [(self.activation(place), found) for place, found in tail.run(values, self.activation).items()]

        return run

    def activated(self, tensor: str, values: Floats) -> Floats:
        """Return values that were computed elsewhere, clipped by the activation that is fused into the operator."""
        low, high = self._bounds.get(tensor, (-np.inf, np.inf))
        return np.clip(values, low, high)

    def shadow(self, index: int) -> Floats:
        """Return the output of the operator with the quantized file's constants."""
        return self.activation(self._shadows.get(index, index))


class TfliteDissector:
    """See `export.formats.dissection.Dissector`."""

    def __init__(self, content: bytes, float_file: bytes) -> None:
        """Load both files.

        Raises:
            UsageProblemError: the file is not quantized, or does not match the float file's graph.
        """
        quantized = flatbuffer.read(content)
        self._float = FloatSide(float_file, quantized)
        self._session = load(content)
        self.inputs, self.outputs = self._session.inputs, self._session.outputs
        found = dict(_activations(self._float, quantized))
        watched = [step for step in self._float.steps if step.tensor in found]
        self._indices = [(self._float.index[step.tensor], found[step.tensor]) for step in watched]
        tensors = quantized.subgraphs[0].tensors
        self.points = points(
            self._float.steps, {tensor: stored_as(tensors[index]) for tensor, index in found.items()}, PASSING_ON
        )
        self.missing = tuple(step.tensor for step in self._float.steps if step.tensor not in found)
        self.ends = ends(self._float.outputs, self._float.steps, found)
        check_points(self.points, self._float.steps, holds_integers=_holds_integers(quantized))

    def tail(self, tensor: str) -> Tail:
        """Return the function from values of one activation to the outputs."""
        return self._float.tail(tensor)

    def align(self, real: Mapping[str, Array], stored: Mapping[str, Array]) -> None:
        """Do nothing: activations are matched by the order of the operators."""

    def dissect(self, real: Mapping[str, Array], stored: Mapping[str, Array], show: Show) -> None:
        """Run one sample and show every point."""
        self._float.run(real)
        self._session.invoke(stored)
        for position, (point, (index, other)) in enumerate(zip(self.points, self._indices, strict=True)):
            reference = self._float.activation(index)
            found = point.stored.dequantize(self._session.view(other)).astype(np.float32).reshape(reference.shape)
            show(position, Activation(reference=reference, found=found, computed=self._float.shadow(index)))


def rounded_copies(model: flatbuffer.Model) -> dict[int, int]:
    """Return the quantized copy of each input or float activation whose only reader is a QUANTIZE."""
    subgraph = model.subgraphs[0]
    readers: dict[int, list[Any]] = {}
    for operator in subgraph.operators:
        for index in operator.inputs:
            readers.setdefault(index, []).append(operator)
    return {
        index: found[0].outputs[0]
        for index, found in readers.items()
        if len(found) == 1
        and flatbuffer.op_name(model, found[0]) == "QUANTIZE"
        and (index in subgraph.inputs or stored_as(subgraph.tensors[index]).scale is None)
    }


def _bounds(model: flatbuffer.Model) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield tensor names with the limits of their activation."""
    for index, found in caps.limits(model):
        yield model.subgraphs[0].tensors[index].name.decode(), found


def load(content: bytes, *, keep_all_tensors: bool = True) -> TfliteSession:
    """Return a session of a file that is given as bytes."""
    with temporary.folder() as folder:
        path = Path(folder) / "all.tflite"
        path.write_bytes(content)
        return TfliteSession(path, keep_all_tensors=keep_all_tensors)


def paired(model: flatbuffer.Model, quantized: flatbuffer.Model) -> Iterator[tuple[Any, Any]]:
    """Yield pairs of matching operators of the float and the quantized model.

    Operators are matched by their order, because names differ in files derived from the reconstructed model.
    """
    one, other = _steps(model), _steps(quantized)
    matcher = SequenceMatcher(None, [key for key, _ in one], [key for key, _ in other], autojunk=False)
    for block in matcher.get_matching_blocks():
        for place in range(block.size):
            yield one[block.a + place][1], other[block.b + place][1]


def _steps(model: flatbuffer.Model) -> list[tuple[tuple[Any, ...], Any]]:
    """Return a key for each step (operator name and output shapes) with its operator."""
    subgraph, found = model.subgraphs[0], []
    for operator in subgraph.operators:
        name = flatbuffer.op_name(model, operator)
        if name not in SEAMS:
            shapes = tuple(tuple(subgraph.tensors[index].shape) for index in operator.outputs)
            found.append(((name, shapes), operator))
    return found


def _activations(side: FloatSide, quantized: flatbuffer.Model) -> Iterator[tuple[str, int]]:
    """Yield the activations that both files contain, with their indices in the quantized file."""
    subgraph, other = side.model.subgraphs[0], quantized.subgraphs[0]
    shown = flatbuffer.activations(side.model)
    read = {*other.outputs, *(index for operator in other.operators for index in operator.inputs)}
    inside = rounded_copies(quantized)
    edges = list(zip(subgraph.inputs, other.inputs, strict=False))
    made = [pair for one, two in side.pairs for pair in zip(one.outputs, two.outputs, strict=True)]
    for index, original in (*edges, *made):
        match = inside.get(original, original)
        same_size = np.prod(subgraph.tensors[index].shape) == np.prod(other.tensors[match].shape)
        if index in shown and match in read and same_size:
            yield shown[index], match


def _holds_integers(model: flatbuffer.Model) -> bool:
    """Return whether an operator computes integers with a scale."""
    tensors = model.subgraphs[0].tensors
    made = (tensors[index] for operator in model.subgraphs[0].operators for index in operator.outputs)
    return any(stored_as(tensor).scale is not None for tensor in made)


def stored_as(tensor: Any) -> TensorSpec:
    """Return the stored type of a tensor of a parsed file."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.TensorType
    names = {kinds.INT8: "int8", kinds.UINT8: "uint8", kinds.INT16: "int16", kinds.FLOAT32: "float32"}
    quantization = tensor.quantization
    has_grid = quantization is not None and quantization.scale is not None and tensor.type != kinds.FLOAT32
    return TensorSpec(
        name=tensor.name.decode(),
        shape=() if tensor.shape is None else tuple(int(size) for size in tensor.shape),
        dtype=names.get(tensor.type, "float32"),
        scale=float(quantization.scale[0]) if has_grid else None,
        zero_point=int(quantization.zeroPoint[0]) if has_grid else None,
    )

"""Run every operator of a float .tflite by itself, on the inputs and constants that a quantized file stores.

What the quantized operator then adds is the rounding of its output and of its own arithmetic, nothing else.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.session import OperatorErrors
from export.formats.tflite import flatbuffer, storage
from export.formats.tflite.dissect import load, stored_as
from export.formats.tflite.loops import KINDS
from export.formats.tflite.session import TfliteSession
from export.formats.tflite.steps import SEAMS
from export.model.tensor_spec import TensorSpec

# Precision of a sum of float32 numbers relative to its largest term. It matters where terms cancel: the mean of what
# a layer normalisation has centred is rounding alone, with a grid a million times as fine as that of its terms.
SUM_ROUNDING = 2.0**-22

TABLE_BITS = 7  # LiteRT's tables of 16 bits have a point for every 128 numbers.

# Activations of this size run at a time.
MOST_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some operators in one file, each with inputs and outputs of its own.

    Attributes:
        session: the file in LiteRT.
        reads: index of the quantized file's tensor that each input takes its values from, by the input's name.
        makes: for each operator its output in the quantized file and the index of its output here.
    """

    session: Any
    reads: Mapping[str, int]
    makes: Sequence[tuple[int, int]]


class Isolated:
    """The operators of a float file by themselves, beside the quantized file."""

    def __init__(self, content: bytes, float_file: bytes) -> None:
        """Load both files, whose operators must be the same but for QUANTIZE and DEQUANTIZE (`structure`)."""
        self._reference, self._quantized = flatbuffer.read(float_file), flatbuffer.read(content)
        self._session = load(content)
        self.inputs = self._session.inputs
        self._specs = {index: stored_as(tensor) for index, tensor in enumerate(self._quantized.subgraphs[0].tensors)}
        graph = self._quantized.subgraphs[0]
        read = {*graph.outputs, *(index for operator in graph.operators for index in operator.inputs)}
        # The runtime allocates no memory for results that nothing reads.
        self._watched = {int(index) for index in read if index >= 0 and self._specs[int(index)].scale is not None}
        self._floats = floats_of(self._quantized)
        self._makers = {int(index): operator for operator in graph.operators for index in operator.outputs}
        self.size = sum(int(np.prod(self._specs[index].shape)) for index in self._makers)
        self.has_indices = any(is_index(graph.tensors[index]) for index in self._makers)
        self._parts = [self._part(pairs) for pairs in self._groups()]
        self._seams = [
            operator
            for operator in graph.operators
            if flatbuffer.op_name(self._quantized, operator) == "QUANTIZE" and int(operator.outputs[0]) in self._watched
        ]

    def align(self, samples: Sequence[Mapping[str, Array]]) -> None:
        """Do nothing: operators are matched by their order."""

    def errors(self, stored: Mapping[str, Array]) -> Iterator[OperatorErrors]:
        """Run one sample, and yield the errors of every operator whose output has a grid.

        An error is the distance of a stored number from the one that the float operator gives, in steps of the output's
        grid; values outside of the grid count as its ends.
        """
        self._session.invoke(stored)
        for part in self._parts:
            values = {name: self._real(index) for name, index in part.reads.items()}
            part.session.fit(values)
            part.session.invoke({spec.name: values[spec.name].astype(spec.dtype) for spec in part.session.inputs})
            for match, index in part.makes:
                yield self._compared(match, np.array(part.session.view(index), np.float64))
        for seam in self._seams:
            yield self._compared(int(seam.outputs[0]), self._real(int(seam.inputs[0])).astype(np.float64))

    def is_defined(self, stored: Mapping[str, Array]) -> bool:
        """Run one sample, and return whether all that the file computes in float is finite."""
        return is_finite(self._session, stored, self._floats)

    def activations(self, stored: Mapping[str, Array]) -> dict[str, Array]:
        """Run one sample, and return the stored numbers of every activation that is compared."""
        self._session.invoke(stored)
        compared = self._watched.intersection(self._makers)
        return {self._specs[index].name: np.array(self._session.view(index)) for index in compared}

    def _compared(self, index: int, expected: Array) -> OperatorErrors:
        spec, maker = self._specs[index], self._makers[index]
        assert spec.scale is not None  # only such tensors are watched
        assert spec.zero_point is not None
        limits = np.iinfo(spec.dtype)
        ideal = np.clip(expected / spec.scale + spec.zero_point, limits.min, limits.max)
        stored = np.array(self._session.view(index))
        found = np.abs(stored.astype(np.float64) - ideal.reshape(stored.shape))
        op = flatbuffer.op_name(self._quantized, maker)
        room = rounding_steps(self._specs, maker, index) + self._table_steps(op, maker, spec)
        steps = np.maximum(found - room, 0)
        return OperatorErrors(op=op, tensor=spec.name, dtype=spec.dtype, steps=steps, stored=stored)

    def _table_steps(self, op: str, maker: Any, spec: TensorSpec) -> Array:
        """Return how many steps the table of a reciprocal root or an exponential of 16 bits may be off.

        LiteRT interpolates between 513 points, of which each is moved by half of the error in the middle, so that its
        error is at most one and a half times that of a straight line. That is large near zero, where a reciprocal root
        is steep (there the difference between two points bounds it), and for exponentials of a wide range.
        """
        source = self._specs[int(maker.inputs[0])]
        if op not in ("EXP", "RSQRT") or spec.dtype != "int16" or source.scale is None or spec.scale is None:
            return np.zeros(())
        stored = np.array(self._session.view(int(maker.inputs[0]))).astype(np.int64)
        lower = stored >> TABLE_BITS << TABLE_BITS
        first, last = (source.dequantize(one) for one in (lower, lower + (1 << TABLE_BITS)))
        largest = spec.scale * np.iinfo(np.int16).max
        if op == "EXP":
            curvature = np.exp(np.minimum(last, np.log(largest)))
            return np.asarray(1.5 / 8 * (last - first) ** 2 * curvature / spec.scale)
        ends = (np.minimum(np.maximum(one, source.scale / 2) ** -0.5, largest) for one in (first, last))
        return np.asarray(1.5 * np.abs(np.subtract(*ends)) / spec.scale)

    def _real(self, index: int) -> Array:
        """Return the real values of a tensor of the quantized file, or its integers if it has no grid."""
        spec = self._specs[index]
        values = np.array(self._session.view(index))
        return values if spec.scale is None else spec.dequantize(values).astype(np.float32)

    def _groups(self) -> Iterator[list[tuple[Any, Any]]]:
        """Yield the pairs of operators of both files whose output has a grid, in groups of bounded size."""
        one, other = (
            [operator for operator in model.subgraphs[0].operators if flatbuffer.op_name(model, operator) not in SEAMS]
            for model in (self._reference, self._quantized)
        )
        group: list[tuple[Any, Any]] = []
        size = 0
        for operator, match in zip(one, other, strict=True):
            is_loop = flatbuffer.op_name(self._reference, operator) in KINDS
            if is_loop or self._watched.isdisjoint(map(int, match.outputs)):
                continue
            group.append((operator, match))
            tensors = self._reference.subgraphs[0].tensors
            size += sum(4 * int(np.prod(tensors[index].shape)) for index in [*operator.inputs, *operator.outputs])
            if size > MOST_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _part(self, pairs: Sequence[tuple[Any, Any]]) -> Part:
        alone = copy.copy(self._reference)
        graph = copy.copy(self._reference.subgraphs[0])
        graph.tensors, graph.operators, graph.inputs, graph.outputs = list(graph.tensors), [], [], []
        alone.subgraphs, alone.signatureDefs, alone.buffers = [graph], [], list(alone.buffers)
        reads: dict[str, int] = {}
        makes: list[tuple[int, int]] = []
        for operator, match in pairs:
            new, pairs_of_inputs = copy.copy(operator), zip(operator.inputs, match.inputs, strict=True)
            new.inputs = [self._input(alone, reads, index, other) for index, other in pairs_of_inputs]
            outputs = [graph.tensors[index] for index in operator.outputs]
            new.outputs = [_added(graph, tensor, f"output {len(graph.tensors)}") for tensor in outputs]
            graph.operators.append(new)
            graph.outputs += new.outputs
            pairs_of = zip(map(int, match.outputs), new.outputs, strict=True)
            makes += [pair for pair in pairs_of if pair[0] in self._watched]
        return Part(session=load(flatbuffer.write(alone)), reads=reads, makes=makes)

    def _input(self, alone: Any, reads: dict[str, int], index: int, other: int) -> int:
        """Return the tensor that an isolated operator reads: an input of the file, or a constant."""
        graph = alone.subgraphs[0]
        if index < 0:
            return index
        tensor = graph.tensors[index]
        source = storage.source(self._quantized, self._quantized.subgraphs[0], other)
        stored = self._quantized.subgraphs[0].tensors[source]
        if self._quantized.buffers[stored.buffer].data is None:
            added = _added(graph, tensor, f"input {len(graph.tensors)}")
            graph.inputs.append(added)
            reads[graph.tensors[added].name.decode()] = int(other)
            return added
        return index if not flatbuffer.is_float(tensor) else self._constant(alone, tensor, stored)

    def _constant(self, alone: Any, tensor: Any, stored: Any) -> int:
        from ai_edge_litert import schema_py_generated as schema

        values, _ = storage.real(self._quantized, stored, smallest_step=0)
        buffer = schema.BufferT()
        buffer.data = np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint8)
        alone.buffers.append(buffer)
        graph = alone.subgraphs[0]
        return _added(graph, tensor, f"constant {len(graph.tensors)}", len(alone.buffers) - 1)


def rounding_steps(specs: Mapping[int, TensorSpec], maker: Any, index: int) -> float:
    """Return how many steps of its output's grid float32 rounding may change the result of an operator.

    Args:
        specs: of the tensors by index.
        maker: the operator.
        index: of the output.
    """
    read = [specs[place] for place in map(int, maker.inputs) if place in specs]
    integers = [one for one in read if np.issubdtype(one.dtype, np.integer)]
    largest = max((one.scale * np.iinfo(one.dtype).max for one in integers if one.scale is not None), default=0.0)
    return float(SUM_ROUNDING * largest / (specs[index].scale or 1.0))


def floats_of(model: flatbuffer.Model) -> tuple[int, ...]:
    """Return the indices of the float activations that something reads."""
    graph = model.subgraphs[0]
    read = {*graph.outputs, *(index for operator in graph.operators for index in operator.inputs)}
    made = (int(index) for operator in graph.operators for index in operator.outputs)
    return tuple(index for index in made if index in read and flatbuffer.is_float(graph.tensors[index]))


def is_finite(session: TfliteSession, stored: Mapping[str, Array], indices: Iterable[int]) -> bool:
    """Run one sample, and return whether these tensors hold neither NaN nor infinity.

    LiteRT itself refuses the root of a negative number.
    """
    try:
        session.invoke(stored)
    except RuntimeError:
        return False
    return all(bool(np.isfinite(np.array(session.view(index))).all()) for index in indices)


def is_index(tensor: Any) -> bool:
    """Return whether a tensor holds integers such as indices, which have no grid."""
    from ai_edge_litert import schema_py_generated as schema

    return tensor.type in (schema.TensorType.INT32, schema.TensorType.INT64)


def _added(graph: Any, tensor: Any, name: str, buffer: int = 0) -> int:
    added = copy.copy(tensor)
    added.name, added.buffer = name.encode(), buffer
    graph.tensors.append(added)
    return len(graph.tensors) - 1

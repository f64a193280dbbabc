"""Run every operator of an integer .onnx by itself, on the numbers that its sibling .tflite stores.

Both files hold the same integers, so an operator must store what the sibling's operator stores, up to rounding. Grids
that differ, a lost cap, another dilation or a wrong skip connection show where they are, however small their effect on
the outputs is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx import split
from export.formats.onnx.dissect import loaded
from export.formats.onnx.sibling_match import Match, Sibling
from export.formats.session import OperatorErrors
from export.formats.tflite import flatbuffer
from export.formats.tflite.dissect import load, stored_as
from export.formats.tflite.isolated import floats_of, is_finite, is_index, rounding_steps
from export.model.tensor_spec import TensorSpec


class BesideSibling:
    """The operators of an integer .onnx by themselves, beside the .tflite that it was derived from."""

    def __init__(self, content: bytes, sibling: bytes) -> None:
        """Load both files."""
        import onnx

        self._proto: Any = onnx.load_from_string(content)
        self._split(split.seams(self._proto, narrowed=True))
        model = flatbuffer.read(sibling)
        self._sibling = load(sibling)
        self.inputs = self._sibling.inputs
        graph = model.subgraphs[0]
        self.has_indices = any(is_index(graph.tensors[one]) for maker in graph.operators for one in maker.outputs)
        self._makers = dict(_activations(model))
        self._floats = floats_of(model)
        self._specs = {index: stored_as(model.subgraphs[0].tensors[index]) for index in self._makers}
        self.size = sum(int(np.prod(spec.shape)) for spec in self._specs.values())
        self._room = {
            int(index): rounding_steps(self._specs, operator, int(index))
            for operator in model.subgraphs[0].operators
            for index in operator.outputs
            if int(index) in self._specs
        }
        self._sources = {
            int(index): [int(source) for source in operator.inputs]
            for operator in model.subgraphs[0].operators
            for index in operator.outputs
        }
        self._matches: dict[str, Match] = {}

    def align(self, samples: Sequence[Mapping[str, Array]]) -> None:
        """Match the activations of both files on some samples; call this first.

        What has no match may be quantized after it is moved in the .tflite, and before it is moved in the .onnx.
        """
        sibling = Sibling(specs=self._specs, sources=self._sources, values=[self._values(stored) for stored in samples])
        while True:
            found = [self._found(stored) for stored in samples]
            self._matches = dict(sibling.matches(self._seams, found))
            lost = [seam for seam in self._seams if seam.name not in self._matches]
            moved = split.moved_on(self._proto, self._seams, lost)
            if moved == self._seams:
                return
            self._split(moved)

    def _split(self, seams: list[split.Seam]) -> None:
        self._seams = seams
        self._shown = loaded(split.shown(self._proto, seams), is_optimized=True)
        self._alone = loaded(split.isolated(self._proto, seams), is_optimized=True)

    def errors(self, stored: Mapping[str, Array]) -> Iterator[OperatorErrors]:
        """Run one sample, stored inputs by name, and yield the errors of every operator whose output has a grid."""
        values, matches = self._values(stored), self._matches
        if not self._seams and any(_has_grid(spec) for spec in self._specs.values()):
            yield OperatorErrors(op="the grids of", tensor="the file", dtype="int8", steps=np.array(np.inf))
        lost = [seam for seam in self._seams if seam.name not in matches]
        for seam in lost:
            yield OperatorErrors(op="the grid of", tensor=seam.name, dtype=seam.stored.dtype, steps=np.array(np.inf))
        if lost:
            return
        integers = {
            seam.name: match.in_onnx(values[match.index], seam.stored.dtype)
            for seam in self._seams
            if (match := matches.get(seam.name)) is not None
        }
        computed = self._computed({split.PREFIX + name: one for name, one in integers.items()} | dict(stored))
        for seam in self._seams:
            if seam.name in integers and seam.name in computed:
                match = matches[seam.name]
                found = np.abs(computed[seam.name].astype(np.int64) - integers[seam.name]).astype(np.float64)
                steps = np.maximum(found - self._room.get(match.index, 0.0), 0)
                yield OperatorErrors(
                    op=self._makers[match.index],
                    tensor=self._specs[match.index].name,
                    dtype=seam.stored.dtype,
                    steps=steps,
                    stored=values[match.index],
                )

    def is_defined(self, stored: Mapping[str, Array]) -> bool:
        """Run one sample, and return whether all that the sibling computes in float is finite."""
        return is_finite(self._sibling, stored, self._floats)

    def activations(self, stored: Mapping[str, Array]) -> dict[str, Array]:
        """Run one sample, and return the numbers that the sibling stores."""
        return {self._specs[index].name: values for index, values in self._values(stored).items() if values.ndim}

    def _computed(self, fed: Mapping[str, Array]) -> dict[str, Array]:
        """Return what every operator gives by itself, by the name of its activation."""
        names = [value.name for value in self._alone.get_outputs()]
        if not names:  # All layers compute in float.
            return {}
        taken = {value.name: fed[value.name] for value in self._alone.get_inputs()}
        return dict(zip(names, self._alone.run(names, taken), strict=True))

    def _values(self, stored: Mapping[str, Array]) -> dict[int, Array]:
        """Return what the sibling stores, by the index of the tensor."""
        self._sibling.invoke(stored)
        return {index: np.array(self._sibling.view(index)) for index in self._makers}

    def _found(self, stored: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the .onnx stores, by the name of the seam."""
        names = [value.name for value in self._shown.get_outputs()]
        inputs = {value.name: _as_input(stored[value.name], value.type) for value in self._shown.get_inputs()}
        if not names:
            return inputs
        return {**inputs, **dict(zip(names, self._shown.run(names, inputs), strict=True))}


def _activations(model: flatbuffer.Model) -> Iterator[tuple[int, str]]:
    """Yield index and maker of each activation with a grid that something reads; the maker of an input is empty."""
    graph = model.subgraphs[0]
    read = {*graph.outputs, *(index for operator in graph.operators for index in operator.inputs)}
    for index in graph.inputs:
        yield int(index), ""
    for operator in graph.operators:
        for index in operator.outputs:
            if index in read and stored_as(graph.tensors[index]).scale is not None:
                yield int(index), flatbuffer.op_name(model, operator)


def _has_grid(spec: TensorSpec) -> bool:
    return spec.scale is not None and np.issubdtype(spec.dtype, np.integer)


def _as_input(stored: Array, kind: str) -> Array:
    """Return an input of the .tflite as the .onnx takes it: bytes may be unsigned there."""
    if stored.dtype == np.int8 and kind == "tensor(uint8)":
        return (stored.astype(np.int16) + 128).astype(np.uint8)
    return stored

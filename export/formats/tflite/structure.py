"""Compare the graph of a quantized .tflite with that of the float file: operators, options, wiring, integer constants.

Outputs on samples do not show a wrong stride, slope or skip connection where it changes few predictions; the graph
does, without samples. What quantization adds on purpose is left out: QUANTIZE, DEQUANTIZE and `INTEGER_OPTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from export.formats.session import StructureReport
from export.formats.tflite import flatbuffer, four_bits, grid_rules, lookups
from export.formats.tflite.steps import SEAMS

# Options that say how integers are computed, and that a float operator does not use.
INTEGER_OPTIONS = frozenset({"potScaleInt16", "quantizedBiasType", "asymmetricQuantizeInputs", "weightsFormat"})


def compare(float_file: bytes, quantized_file: bytes) -> StructureReport:
    """Return how the graph of a quantized file differs from the float file's, and which rules its grids violate."""
    reference, quantized = flatbuffer.read(float_file), flatbuffer.read(quantized_file)
    lookups.use_like(quantized, reference)
    found: list[str] = []
    operators = 0
    if len(reference.subgraphs) != len(quantized.subgraphs):
        found.append(f"{len(quantized.subgraphs)} subgraphs in place of {len(reference.subgraphs)}")
    for one, other in zip(reference.subgraphs, quantized.subgraphs, strict=False):
        comparing = _Comparing(_Side(reference, one), _Side(quantized, other))
        found += comparing.differences()
        operators += len(comparing.reference.operators)
    found += grid_rules.violations(quantized)
    return StructureReport(differences=tuple(found), operators=operators)


@dataclass
class _Side:
    """One graph, without the operators that only change the type of a tensor."""

    model: flatbuffer.Model
    graph: Any
    operators: list[Any] = field(init=False)
    before: dict[int, int] = field(init=False)  # tensor behind a QUANTIZE or DEQUANTIZE -> the tensor before it

    def __post_init__(self) -> None:
        seams = [one for one in self.graph.operators if self.name(one) in SEAMS]
        self.operators = [one for one in self.graph.operators if self.name(one) not in SEAMS]
        self.before = {int(one.outputs[0]): int(one.inputs[0]) for one in seams}

    def name(self, operator: Any) -> str:
        return flatbuffer.op_name(self.model, operator)

    def origin(self, index: int) -> int:
        """Return the tensor whose values a tensor has, before all changes of type."""
        while index in self.before:
            index = self.before[index]
        return int(index)

    def value(self, index: int) -> Any:
        """Return the values of an integer or boolean constant; None for other tensors."""
        tensor = self.graph.tensors[index]
        data = self.model.buffers[tensor.buffer].data
        is_grid = tensor.quantization is not None and tensor.quantization.scale is not None
        is_grid |= four_bits.is_stored(tensor)
        if data is None or is_grid or flatbuffer.is_float(tensor):
            return None
        return bytes(data)

    def is_constant(self, index: int) -> bool:
        return self.model.buffers[self.graph.tensors[index].buffer].data is not None


@dataclass
class _Comparing:
    """The comparison of two graphs; `same` holds the tensor of the quantized graph for each of the float graph."""

    reference: _Side
    quantized: _Side
    same: dict[int, int] = field(default_factory=dict)

    def differences(self) -> Iterator[str]:
        one, other = self.reference, self.quantized
        names = [[side.name(operator) for operator in side.operators] for side in (one, other)]
        if names[0] != names[1]:
            yield _first_difference(*names)
            return
        if len(one.graph.inputs) != len(other.graph.inputs) or len(one.graph.outputs) != len(other.graph.outputs):
            yield "another number of inputs or outputs"
            return
        self.same.update(zip(map(int, one.graph.inputs), map(int, other.graph.inputs), strict=True))
        for operator, match in zip(one.operators, other.operators, strict=True):
            yield from (f"{difference}, {self._place(operator)}" for difference in self._of(operator, match))
            self.same.update(zip(map(int, operator.outputs), map(int, match.outputs), strict=False))
        for place, pair in enumerate(zip(one.graph.outputs, other.graph.outputs, strict=True)):
            if not self._is_same(*map(int, pair)):
                yield f"output {place} is another tensor"

    def _place(self, operator: Any) -> str:
        tensor = self.reference.graph.tensors[operator.outputs[0]].name.decode().split(";")[0]
        return f"{self.reference.name(operator)} {tensor}"

    def _of(self, operator: Any, match: Any) -> Iterator[str]:
        for name, (expected, found) in _changed_options(operator, match).items():
            yield f"the option {name} is {found} in place of {expected}"
        if len(operator.inputs) != len(match.inputs) or len(operator.outputs) != len(match.outputs):
            yield f"{len(match.inputs)} inputs in place of {len(operator.inputs)}"
            return
        for place, (index, other) in enumerate(zip(operator.inputs, match.inputs, strict=True)):
            if not self._is_same(int(index), int(other)):
                yield f"input {place} is another tensor"
        for index, other in zip(operator.outputs, match.outputs, strict=True):
            shapes = [
                tuple(map(int, side.graph.tensors[one].shape))
                for side, one in ((self.reference, index), (self.quantized, other))
            ]
            if shapes[0] != shapes[1]:
                yield f"an output of shape {shapes[1]} in place of {shapes[0]}"

    def _is_same(self, index: int, other: int) -> bool:
        """Return whether two inputs or outputs are the same: of the same origin, or constants of the same role."""
        if index < 0 or other < 0:
            return index == other
        index, other = self.reference.origin(index), self.quantized.origin(other)
        if self.reference.is_constant(index):
            return self.quantized.is_constant(other) and self.reference.value(index) == self.quantized.value(other)
        return self.quantized.origin(self.same.get(index, -1)) == other


def _changed_options(operator: Any, match: Any) -> dict[str, tuple[Any, Any]]:
    """Return the options that differ, with the expected and the found value."""
    found = {}
    for options in ("builtinOptions", "builtinOptions2"):
        one, other = (getattr(side, options, None) for side in (operator, match))
        if one is None and other is None:
            continue
        values, others = ({} if side is None else vars(side) for side in (one, other))
        for name in sorted({*values, *others} - INTEGER_OPTIONS):
            if not np.array_equal(values.get(name), others.get(name)):
                found[name] = values.get(name), others.get(name)
    custom = [None if side.customOptions is None else bytes(side.customOptions) for side in (operator, match)]
    if custom[0] != custom[1]:
        found["customOptions"] = custom[0], custom[1]
    return found


def _first_difference(expected: list[str], found: list[str]) -> str:
    pairs = enumerate(zip(expected, found, strict=False))
    place = next((place for place, (one, other) in pairs if one != other), min(len(expected), len(found)))
    names = [names[place] if place < len(names) else "nothing" for names in (found, expected)]
    return f"operator {place} is {names[0]} in place of {names[1]}"

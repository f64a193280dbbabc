"""Convert operators to int8 that ai-edge-quantizer leaves in float although the runtime has integer kernels.

Each lies between a DEQUANTIZE and a QUANTIZE, which are removed, so that the operator reads and writes integers.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibration.ranges import Range
from export.formats.tflite import flatbuffer

# The version of the schema's operator that takes int8.
VERSIONS = {"LEAKY_RELU": 2, "TILE": 3}
ON_ONE_GRID = frozenset({"TILE"})


def close(model: flatbuffer.Model, ranges: Mapping[str, Range]) -> None:
    """Make these operators of a parsed file compute in int8, in place.

    Operators in higher precision are not affected, because all their neighbours have the same width.

    Args:
        model: a model with int8 activations.
        ranges: planned ranges of the activations, by name.
    """
    closing = _Closing(model, ranges)
    for operator in list(closing.subgraph.operators):
        name = flatbuffer.op_name(model, operator)
        if name in VERSIONS:
            closing.close(operator, name)


@dataclass
class _Closing:
    """One edit of a parsed file."""

    model: Any
    ranges: Mapping[str, Range]

    @property
    def subgraph(self) -> Any:
        return self.model.subgraphs[0]

    def tensor(self, index: int) -> Any:
        return self.subgraph.tensors[index]

    def close(self, operator: Any, name: str) -> None:
        """Make one operator compute in integers, if all its neighbours do."""
        source, before, result = self._integers_before(operator.inputs[0]), operator.inputs[0], operator.outputs[0]
        behind = self._integers_behind(result)
        if source is None or not behind:
            return
        if name in ON_ONE_GRID:
            grid = self.tensor(source)
            self.tensor(result).type, self.tensor(result).quantization = grid.type, copy.deepcopy(grid.quantization)
        else:
            own = self._own(result, behind)
            operator.outputs[0] = own.outputs[0]
            self._remove(own)
            behind = [one for one in behind if one is not own]
        operator.inputs[0] = source
        code = self.model.operatorCodes[operator.opcodeIndex]
        code.version = max(code.version, VERSIONS[name])
        for quantize in behind:
            self._read_integers(quantize, operator.outputs[0])
        if not self._readers(before):
            self._remove(next(one for one in self.subgraph.operators if before in one.outputs))

    def _read_integers(self, quantize: Any, index: int) -> None:
        """Make a QUANTIZE requantize integers to its grid, or remove it if the grids are equal."""
        quantize.inputs[0], given = index, quantize.outputs[0]
        if given not in self.subgraph.outputs and _grid(self.tensor(given)) == _grid(self.tensor(index)):
            for reader in self._readers(given):
                reader.inputs = [index if one == given else one for one in reader.inputs]
            self._remove(quantize)

    def _own(self, index: int, behind: Sequence[Any]) -> Any:
        """Return the QUANTIZE with the finest grid that covers the planned range, else the one with the coarsest."""
        planned = self.ranges[self.tensor(index).name.decode()]
        finest_first = sorted(behind, key=lambda one: _grid(self.tensor(one.outputs[0])))
        holding = (one for one in finest_first if _holds(self.tensor(one.outputs[0]), planned))
        return next(holding, finest_first[-1])

    def _integers_before(self, index: int) -> int | None:
        """Return the int8 tensor that was dequantized to `index`; None if there is none."""
        maker = next((one for one in self.subgraph.operators if index in one.outputs), None)
        if maker is None or flatbuffer.op_name(self.model, maker) != "DEQUANTIZE":
            return None
        return int(maker.inputs[0]) if self._is_int8(maker.inputs[0]) else None

    def _integers_behind(self, index: int) -> list[Any]:
        """Return the QUANTIZE operators that read a float tensor, if it has no other readers and all write int8."""
        readers = [] if index in self.subgraph.outputs else self._readers(index)
        quantizes = [one for one in readers if flatbuffer.op_name(self.model, one) == "QUANTIZE"]
        return (
            quantizes
            if len(quantizes) == len(readers) and all(self._is_int8(one.outputs[0]) for one in readers)
            else []
        )

    def _is_int8(self, index: int) -> bool:
        from ai_edge_litert import schema_py_generated as schema

        return bool(self.tensor(index).type == schema.TensorType.INT8)

    def _readers(self, index: int) -> list[Any]:
        return [operator for operator in self.subgraph.operators if index in operator.inputs]

    def _remove(self, operator: Any) -> None:
        self.subgraph.operators = [one for one in self.subgraph.operators if one is not operator]


def _grid(tensor: Any) -> tuple[float, int]:
    return float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])


def _holds(tensor: Any, planned: Range) -> bool:
    """Return whether an int8 grid covers the planned range, up to half a step for the rounded zero point."""
    scale, zero_point = _grid(tensor)
    low, high = (scale * (end - zero_point) for end in (-128, 127))
    return low - scale / 2 <= min(planned[0], 0.0) and max(planned[1], 0.0) <= high + scale / 2

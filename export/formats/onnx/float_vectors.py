"""The float constants of an .onnx with integer weights: biases, scales of normalizations, small tables.

They are those of the .tflite that the file was derived from, each read as often as there, so that a constant that is
missing, changed, or applied twice is found without samples.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx.constants import Constants
from export.formats.tflite import flatbuffer
from export.formats.tflite.encoder_decoder import ENCODE

FEWEST = 8  # Constants with fewer numbers, such as the epsilon of a normalization, are written in several ways.
ROUNDING = 1e-6  # of float32, where a converter negates or multiplies a constant


def vector_steps(sibling: bytes, constants: Constants, known: Collection[str]) -> Iterator[tuple[str, float]]:
    """Yield for each float constant 0 if the .tflite reads it as often, otherwise infinity.

    Args:
        sibling: the .tflite.
        constants: of the .onnx.
        known: names of constants that another comparison covers, such as the scales of integers.
    """
    expected = _of_tflite(sibling)
    for name, values in _of_onnx(constants, known):
        alike = next((place for place, one in enumerate(expected) if _is_equal(one, values)), None)
        if alike is not None:
            expected.pop(alike)
        yield f"float constant {name}", 0.0 if alike is not None else float("inf")


def _of_tflite(content: bytes) -> list[Array]:
    """Return every float constant of the first function and of its loops as often as an operator reads it.

    Other functions repeat the first, but encoder and decoder have nothing in common. Conditions count as zeros and
    ones, because tf2onnx writes a choice between two tensors as their weighted sum.
    """
    model = flatbuffer.read(content)
    functions = [signature.subgraphIndex for signature in model.signatureDefs]
    repeating = [] if ENCODE in flatbuffer.signature_names(model) else functions[1:]
    graphs = [graph for place, graph in enumerate(model.subgraphs) if place not in repeating]
    return [
        flatbuffer.constant(model, tensor).reshape(-1).astype(np.float64)
        for graph in graphs
        for operator in graph.operators
        for tensor in (graph.tensors[int(index)] for index in operator.inputs if index >= 0)
        if (flatbuffer.is_float(tensor) or flatbuffer.is_condition(tensor))
        and _is_stored(model, tensor)
        and int(np.prod(tensor.shape)) >= FEWEST
    ]


def _is_stored(model: flatbuffer.Model, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _of_onnx(constants: Constants, known: Collection[str]) -> Iterator[tuple[str, Array]]:
    """Yield name and values of every float constant as often as a node reads it."""
    for node in constants.nodes:
        for name in node.input:
            shape = constants.shape(name) if name and name not in known else None
            if shape is None or int(np.prod(shape)) < FEWEST:
                continue
            values = constants.real(name)
            if values is not None and values.dtype == np.float32:
                yield name, values.reshape(-1).astype(np.float64)


def _is_equal(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    largest = ROUNDING * float(np.abs(one).max(initial=0.0))
    return any(np.abs(one - sign * other).max(initial=0.0) <= largest for sign in (1, -1))

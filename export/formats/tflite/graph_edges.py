"""Inputs and outputs of a .tflite in the order of its graph, read without its weights."""

from __future__ import annotations

from mmap import mmap
from typing import Any

import numpy as np

from export.model.tensor_spec import TensorSpec

Edges = tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]


def edges_of(content: bytes | mmap) -> Edges | None:
    """Return inputs and outputs with the names of its signature; None if a file has several functions."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    if model.SignatureDefsLength() > 1:
        return None
    graph, named = model.Subgraphs(0), model.SignatureDefs(0) if model.SignatureDefsLength() else None
    if named is not None and named.SubgraphIndex() != 0:
        return None
    inputs = {one.TensorIndex(): one.Name() for one in map(named.Inputs, range(named.InputsLength()))} if named else {}
    outputs = (
        {one.TensorIndex(): one.Name() for one in map(named.Outputs, range(named.OutputsLength()))} if named else {}
    )
    return (
        tuple(_spec(graph, graph.Inputs(place), inputs) for place in range(graph.InputsLength())),
        tuple(_spec(graph, graph.Outputs(place), outputs) for place in range(graph.OutputsLength())),
    )


def _spec(graph: Any, index: int, names: dict[int, bytes]) -> TensorSpec:
    tensor = graph.Tensors(index)
    grid = tensor.Quantization()
    has_grid = grid is not None and grid.ScaleLength() == 1 and grid.ZeroPointLength() == 1
    return TensorSpec(
        name=names.get(index, tensor.Name() or b"").decode(),
        shape=tuple(np.atleast_1d(tensor.ShapeAsNumpy()).tolist()),
        dtype=_type_name(tensor.Type()),
        scale=float(grid.Scale(0)) if has_grid else None,
        zero_point=int(grid.ZeroPoint(0)) if has_grid else None,
    )


def _type_name(number: int) -> str:
    """Return the name of a type as numpy spells it."""
    from ai_edge_litert import schema_py_generated as schema

    return next(str(name).lower() for name, value in vars(schema.TensorType).items() if value == number)

"""Move integers as integers, where the converter moves them as floats: CAST, RESHAPE, CAST back.

Quantized, such floats would be rounded to a grid, and a 2.9999 cast back is another index. `CategoryEncoding` does so.
"""

from __future__ import annotations

from typing import Any

from export.formats.tflite import flatbuffer

MOVES = frozenset({"EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE"})


def keep_integers(model: flatbuffer.Model) -> None:
    """Give the moves between two casts the integer type, in place; the first cast is left out."""
    from ai_edge_litert import schema_py_generated as schema

    integers = {schema.TensorType.INT32, schema.TensorType.INT64}
    for subgraph in model.subgraphs:
        for last in [one for one in subgraph.operators if flatbuffer.op_name(model, one) == "CAST"]:
            chain = _moves_before(model, subgraph, last)
            first = chain[-1] if chain else None
            if first is None or subgraph.tensors[first.inputs[0]].type not in integers:
                continue
            moves = chain[:-1]
            if subgraph.tensors[last.outputs[0]].type not in integers or not moves:
                continue
            kind = subgraph.tensors[first.inputs[0]].type
            for move in moves:
                subgraph.tensors[move.outputs[0]].type = kind
            moves[-1].inputs = [first.inputs[0], *list(moves[-1].inputs)[1:]]
            subgraph.operators.remove(first)


def _moves_before(model: flatbuffer.Model, subgraph: Any, last: Any) -> list[Any]:
    """Return the moves before a CAST, from back to front, and the CAST before them; nothing if others read them too."""
    makers = {index: operator for operator in subgraph.operators for index in operator.outputs}
    chain, index = [], last.inputs[0]
    while index in makers and _readers(subgraph, index) == 1:
        maker = makers[index]
        name = flatbuffer.op_name(model, maker)
        chain.append(maker)
        if name == "CAST":
            return chain
        if name not in MOVES:
            break
        index = maker.inputs[0]
    return []


def _readers(subgraph: Any, index: int) -> int:
    reads = sum(list(operator.inputs).count(index) for operator in subgraph.operators)
    return reads + list(subgraph.outputs).count(index)

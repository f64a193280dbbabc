"""Write the operators of a .tflite in an order that only the graph determines, so that two files can be compared."""

from __future__ import annotations

from collections.abc import Sequence

from export.formats.tflite import flatbuffer
from export.formats.tflite.steps import depth_first


def in_order(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return a file of one graph with its operators depth first from the outputs.

    Args:
        content: the file.
        inputs: names of all inputs, in the order that they get.
        outputs: names of all outputs, in the order that they get.
    """
    model = flatbuffer.read(content)
    graph = model.subgraphs[0]
    known = [
        {graph.tensors[index].name.decode(): int(index) for index in side} for side in (graph.inputs, graph.outputs)
    ]
    for signature in (model.signatureDefs or [])[:1]:
        for names, entries in zip(known, (signature.inputs, signature.outputs), strict=True):
            names |= {entry.name.decode(): int(entry.tensorIndex) for entry in entries}
    graph.inputs = [known[0][name] for name in inputs]
    graph.outputs = [known[1][name] for name in outputs]
    graph.operators = depth_first(graph)
    return flatbuffer.write(model)

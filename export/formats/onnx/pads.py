"""Keep ONNX Runtime from merging a Pad into the MaxPool after it, which would replace the padded zeros by -infinity."""

from __future__ import annotations

from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto

AXES = 3  # position of the input that names the padded axes


def keep_zeros(graph: GraphProto) -> None:
    """Give every Pad in front of a MaxPool the list of all axes, with the same result, in place.

    ONNX Runtime 1.31 merges them (optimizer PadFusion) although the largest of negative numbers and a padded zero is
    zero, and rejects the file if the sum of both pads is as large as the kernel. It leaves a Pad with axes alone.
    Ends with a version that does not merge them: tests/formats/onnx/test_pads.py fails then.
    """
    import numpy as np

    known = Graph(graph)
    pooled = {name for node in graph.node if node.op_type == "MaxPool" for name in node.input}
    for node in graph.node:
        if node.op_type != "Pad" or node.output[0] not in pooled or node.input[1] not in known.stored:
            continue
        if len(node.input) > AXES and node.input[AXES]:
            continue
        count = int(known.value(node.input[1]).size) // 2
        given = [*node.input, *[""] * (AXES - len(node.input))][:AXES]
        del node.input[:]
        node.input.extend([*given, known.store(f"{node.output[0]}/axes", np.arange(count))])

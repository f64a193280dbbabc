"""The oldest runtimes that load a .tflite, and the operators that LiteRT's GPU delegate leaves to the CPU."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from export.formats.requirements import Requirements, oldest_runtimes
from export.formats.tflite import flatbuffer, gpu_delegate

HALF = "FLOAT16"
TABLE = Path(__file__).with_name("runtime_versions.json")
# Operators on numbers in float16 -> releases before which they fail, which the versions of operators do not say.
FLOAT16_SINCE = {
    "GATHER": ("tflite-runtime", "ai-edge-litert 1.3.0"),  # "Type 'FLOAT16' is not supported by gather"
    "DEPTHWISE_CONV_2D": ("ai-edge-litert 1.4.0",),  # "failed to delegate DEPTHWISE_CONV_2D", in 1.1 to 1.3
}


def requirements(content: bytes) -> Requirements:
    """Return what a file requires."""
    model = flatbuffer.read(content)
    versions = [(flatbuffer.code_name(code), int(code.version)) for code in model.operatorCodes]
    since = [bound for name in FLOAT16_SINCE.keys() & _on_float16(model) for bound in FLOAT16_SINCE[name]]
    left = Counter(sorted(gpu_delegate.left_to_cpu(model)))
    return Requirements(oldest_runtimes=oldest_runtimes(TABLE, versions, since), not_on_gpu=dict(left))


def _on_float16(model: flatbuffer.Model) -> set[str]:
    """Return the names of the operators that read numbers in float16, also through a DEQUANTIZE."""
    found = set()
    for graph in model.subgraphs:
        halves = {index for index, tensor in enumerate(graph.tensors) if flatbuffer.type_name(tensor) == HALF}
        for operator in graph.operators:
            if flatbuffer.op_name(model, operator) == "DEQUANTIZE" and int(operator.inputs[0]) in halves:
                halves.add(int(operator.outputs[0]))
        found |= {
            flatbuffer.op_name(model, operator)
            for operator in graph.operators
            if not halves.isdisjoint(int(index) for index in operator.inputs)
        }
    return found

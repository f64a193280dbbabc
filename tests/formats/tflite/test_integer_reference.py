"""Every common operator of an int8 .tflite gives what an independent integer reference in numpy gives.

With XNNPACK the numbers are the same to the last bit; the specification leaves the rounding open, so LiteRT's own
kernels may be one step away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from export.formats.tflite import flatbuffer
from export.scheme import INT8
from tests.faults.networks import Network
from tests.formats.tflite import integer_reference as reference

CAPS = {0: (-np.inf, np.inf), 1: (0, np.inf), 2: (-1, 1), 3: (0, 6)}
RESOLVERS = {reference.XNNPACK: OpResolverType.AUTO, reference.BUILTIN: OpResolverType.BUILTIN_REF}
LARGEST_STEPS = {reference.XNNPACK: 0, reference.BUILTIN: 1}


@pytest.mark.parametrize("kernels", RESOLVERS)
@pytest.mark.parametrize(
    "name", ["lenet5", "mobilenet_v2_tiny", pytest.param("efficientnet_tiny", marks=pytest.mark.large)]
)
def test_operators_give_the_numbers_of_the_reference(
    name: str, kernels: str, network: Callable[[str], Network]
) -> None:
    chosen = network(name)
    compared: dict[str, float] = {}
    for sample in chosen.samples.probe.take(np.arange(4)):
        for op, found, expected in predicted(chosen.content(("tflite", INT8)), sample["image"], kernels):
            steps = int(np.abs(found.astype(np.int64) - expected.reshape(found.shape)).max())
            compared[op] = max(compared.get(op, 0), steps)
    assert len(compared) >= 2
    assert max(compared.values()) <= LARGEST_STEPS[kernels], compared


def predicted(content: bytes, image: Any, kernels: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each operator with the numbers that the file stores and those of the reference for its stored inputs."""
    model = flatbuffer.read(content)
    graph = model.subgraphs[0]
    runtime = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=RESOLVERS[kernels],
    )
    runtime.allocate_tensors()
    (taken,) = runtime.get_input_details()
    runtime.set_tensor(taken["index"], fed(image, taken))
    runtime.invoke()
    for operator in graph.operators:
        op = flatbuffer.op_name(model, operator)
        has_pads = "POOL" in op and operator.builtinOptions.padding == schema.Padding.SAME
        if op in OPERATORS and not has_pads and graph.tensors[operator.outputs[0]].type == schema.TensorType.INT8:
            yield op, runtime.get_tensor(operator.outputs[0]), OPERATORS[op](graph, operator, runtime, kernels)


def fed(image: Any, taken: dict[str, Any]) -> Any:
    scale, zero_point = taken["quantization"]
    if not scale:
        return image
    limits = np.iinfo(taken["dtype"])
    return np.clip(np.rint(image / scale) + zero_point, limits.min, limits.max).astype(taken["dtype"])


def layer(graph: Any, operator: Any, runtime: Interpreter, kernels: str) -> Any:
    source, weights, _ = (graph.tensors[index] for index in operator.inputs)
    target, options = graph.tensors[operator.outputs[0]], operator.builtinOptions
    values = runtime.get_tensor(operator.inputs[0]).astype(np.int64) - int(source.quantization.zeroPoint[0])
    kernel, terms = (runtime.get_tensor(index).astype(np.int64) for index in operator.inputs[1:3])
    if isinstance(options, schema.FullyConnectedOptionsT):
        sums = reference.dense(values, kernel, terms)
    else:
        compute = reference.convolution if isinstance(options, schema.Conv2DOptionsT) else reference.depthwise
        strides = options.strideH, options.strideW
        dilation = options.dilationHFactor, options.dilationWFactor
        sums = compute(values, kernel, terms, strides, dilation, options.padding == schema.Padding.SAME)
    scale, zero_point = float(target.quantization.scale[0]), int(target.quantization.zeroPoint[0])
    scales = np.asarray(weights.quantization.scale, np.float32)
    ratio = np.broadcast_to(float(source.quantization.scale[0]) * scales / np.float32(scale), sums.shape[-1:])
    steps = reference.requantized(sums, ratio.astype(np.float64), zero_point, kernels)
    return reference.clipped(steps, *CAPS[options.fusedActivationFunction], scale, zero_point)


def added(graph: Any, operator: Any, runtime: Interpreter, kernels: str) -> Any:
    terms, scales, zeros = centred(graph, operator, runtime, 2)
    steps = reference.summed(*terms, (scales[0] / scales[2], scales[1] / scales[2])) + zeros[2]
    return reference.clipped(steps, *CAPS[operator.builtinOptions.fusedActivationFunction], scales[2], zeros[2])


def multiplied(graph: Any, operator: Any, runtime: Interpreter, kernels: str) -> Any:
    terms, scales, zeros = centred(graph, operator, runtime, 2)
    steps = reference.multiplied(*terms, scales[0] * scales[1] / scales[2], zeros[2])
    return reference.clipped(steps, *CAPS[operator.builtinOptions.fusedActivationFunction], scales[2], zeros[2])


def averaged(graph: Any, operator: Any, runtime: Interpreter, kernels: str) -> Any:
    terms, scales, zeros = centred(graph, operator, runtime, 1)
    steps = reference.averaged(*terms, scales[0] / scales[1], zeros[1])
    return reference.clipped(steps, *CAPS[0], scales[1], zeros[1])


def largest(graph: Any, operator: Any, runtime: Interpreter, kernels: str) -> Any:
    options = operator.builtinOptions
    values = runtime.get_tensor(operator.inputs[0]).astype(np.int64)
    return reference.largest(values, (options.filterHeight, options.filterWidth), (options.strideH, options.strideW))


def centred(graph: Any, operator: Any, runtime: Interpreter, count: int) -> tuple[list[Any], list[float], list[int]]:
    """Return the first inputs without their zero points, and the scales and zero points of these and of the output."""
    places = [*operator.inputs[:count], operator.outputs[0]]
    grids = [graph.tensors[index].quantization for index in places]
    scales, zeros = [float(one.scale[0]) for one in grids], [int(one.zeroPoint[0]) for one in grids]
    read = zip(places[:count], zeros, strict=False)
    return [runtime.get_tensor(index).astype(np.int64) - zero for index, zero in read], scales, zeros


OPERATORS = {
    "CONV_2D": layer,
    "DEPTHWISE_CONV_2D": layer,
    "FULLY_CONNECTED": layer,
    "ADD": added,
    "MUL": multiplied,
    "MEAN": averaged,
    "MAX_POOL_2D": largest,
}

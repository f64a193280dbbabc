"""Convert a Keras model to a float32 .onnx, without passing the weights through TensorFlow.

`tf2onnx.convert.from_keras` freezes the weights into constants and copies them many times (ResNet50: 10 s
and 6 to 11 GB; VGG16 breaks protobuf's limit of 2 GB). Here the weights are *arguments* of the traced
function; the converter sees a graph of a few kilobytes, and its arguments then become initializers. The large
matrices of a decoder stay arguments until the graph is finished (`outside`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.errors import ConversionError
from export.formats.onnx import outside
from export.formats.onnx.decoder import CONTEXT_KEY, LENGTH_KEY, name_axes
from export.formats.onnx.encoder_decoder import SOURCE_KEY
from export.formats.onnx.entries import ENTRIES_KEY, describe
from export.formats.onnx.folding import fold
from export.formats.onnx.layout import sink_transposes
from export.formats.onnx.naming import canonicalize, drop_unused, sort_nodes, subgraphs
from export.formats.onnx.pads import keep_zeros
from export.formats.onnx.patches import without_values_of_inputs
from export.formats.onnx.protos import GraphProto, ModelProto
from export.formats.onnx.tf2onnx_call import OPSET, call
from export.formats.onnx.tied_weights import share_transposed
from export.formats.onnx.xla_calls import has_sealed_calls, unsealed
from export.formats.patches import positions_of_extremes_by_one_operator
from export.model import signature

if TYPE_CHECKING:
    import keras

    from zoo.language.decoder import Decoder

Weights = Mapping[str, Any]  # Keras variables by the names of the inputs that they become

PROTOBUF_LIMIT_BYTES = 2**31 - 2**24  # 16 MB are left for the graph itself.


def convert(model: keras.Model, entries: Mapping[str, keras.Model], data: Path | None = None) -> bytes:
    """Return the float32 .onnx of `model` with static batch 1, Keras names and folded batch norm.

    Several entry points share one graph, whose axes are free where they differ; the metadata describes them. Weights of
    more than 2 GB are written to `data`.

    Raises:
        ConversionError: an operator has no ONNX counterpart, weights of more than 2 GB cannot be written to `data`, or
            the entry points are not calls of one graph.
        UsageProblemError: a dimension is unknown, although there is one entry point.
    """
    described = describe(model, entries) if entries else {}
    inputs, outputs = signature.names(model)
    proto = _converted(model, inputs, outputs, free=bool(entries), data=data)
    if not entries:
        _fix_sizes(proto.graph, model)
    if described:
        proto.metadata_props.add(key=ENTRIES_KEY, value=json.dumps(described))
    return bytes(proto.SerializeToString(deterministic=True))


def _fix_sizes(graph: GraphProto, model: keras.Model) -> None:
    """Give outputs the sizes that Keras knows, in place: tf2onnx loses them behind some loops."""
    for value, spec in zip(graph.output, signature.outputs(model), strict=True):
        for size, known in zip(value.type.tensor_type.shape.dim, spec.shape, strict=False):
            if known is not None and not size.HasField("dim_value"):
                size.dim_value = known


def convert_decoder(decoder: Decoder, data: Path | None = None) -> bytes:
    """Return the float32 .onnx of the form with growing caches; the metadata holds the lengths of texts in its proof.

    Weights of more than 2 GB are written to `data`.

    Raises:
        ConversionError: an operator has no ONNX counterpart, or weights of more than 2 GB cannot be written to `data`.
    """
    step = decoder.growing
    proto = _converted(step.model, step.inputs, step.outputs, free=True, data=data, keeps_outside=True)
    name_axes(proto.graph)
    proto.metadata_props.add(key=LENGTH_KEY, value=str(decoder.length))
    proto.metadata_props.add(key=CONTEXT_KEY, value=str(decoder.context))
    if decoder.source_length is not None:
        proto.metadata_props.add(key=SOURCE_KEY, value=str(decoder.source_length))
    return bytes(proto.SerializeToString(deterministic=True))


def _converted(
    model: keras.Model,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    free: bool,
    data: Path | None,
    keeps_outside: bool = False,
) -> ModelProto:
    """Return the folded graph of a model with these names of inputs and outputs.

    Args:
        model: the model.
        inputs: names of its inputs.
        outputs: names of its outputs.
        free: whether axes of unknown length stay so.
        data: where large matrices are written that the file cannot hold; None refuses them.
        keeps_outside: whether folding may do without the values of large matrices.
    """
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    weights = {f"weight_{index}": variable for index, variable in enumerate(variables)}
    size = _size(variables)
    is_too_large = size > PROTOBUF_LIMIT_BYTES
    if data is None:
        _refuse_too_large(weights)
    is_large = is_too_large or (keeps_outside and size >= outside.LARGE_BYTES)
    large = [name for name, variable in weights.items() if is_large and outside.is_large(variable.shape)]
    proto = _trace(model, variables, free=free, large=large)
    layers = [layer.name for layer in model._flatten_layers()]
    refuse_unknown_operators(proto.graph, layers)
    proto, kept = _folded(proto, weights, outside.matrices(proto.graph) & weights.keys() if is_large else frozenset())
    refuse_unknown_operators(proto.graph, layers)
    outside.reserve(proto.graph, kept)
    canonicalize(proto.graph, _public_names(inputs, outputs))
    outside.store(proto.graph, weights, data if is_too_large else None)
    proto.graph.ClearField("doc_string")
    proto.producer_name, proto.producer_version, proto.graph.name = "zoo-export", "", "model"
    return proto


def _folded(proto: ModelProto, weights: Weights, kept: frozenset[str]) -> tuple[ModelProto, frozenset[str]]:
    """Return a traced graph with its weights, folded, and the names of the matrices that stayed inputs.

    Args:
        proto: the graph, whose inputs the weights are.
        weights: Keras variables by the names of the inputs.
        kept: names of matrices whose values folding can do without.
    """
    _refuse_too_large(weights, kept)
    _store(proto.graph, {name: variable.numpy() for name, variable in weights.items() if name not in kept})
    keep_zeros(proto.graph)
    share_transposed(proto.graph, kept)
    proto = fold(proto)
    if computed := kept - outside.matrices(proto.graph):  # Folding needs their values after all.
        kept -= computed
        _refuse_too_large(weights, kept)
        _store(proto.graph, {name: weights[name].numpy() for name in computed})
        proto = fold(proto)
    sort_nodes(proto.graph)
    if sink_transposes(proto.graph):
        sort_nodes(proto.graph)  # Removes unread transposes, which would prevent fusions.
        drop_unused(proto.graph)
        proto = fold(proto)
    return proto, kept


def _public_names(inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, str]:
    traced = {f"input_{index}": name for index, name in enumerate(inputs)}
    return traced | {f"output_{index}": name for index, name in enumerate(outputs)}


def _size(variables: Iterable[Any]) -> int:
    """Return the size of Keras variables in bytes."""
    return sum(math.prod(variable.shape) * np.dtype(variable.dtype).itemsize for variable in variables)


def _refuse_too_large(weights: Weights, kept: Collection[str] = ()) -> None:
    """Refuse weights that a file cannot hold, but for those that are `kept` outside."""
    if _size(one for name, one in weights.items() if name not in kept) > PROTOBUF_LIMIT_BYTES:
        size_gb = _size(weights.values()) / 2**30
        raise ConversionError(
            f"the weights take {size_gb:.1f} GB, but an .onnx file can hold at most 2 GB beside the large matrices of "
            "products and lookups; choose another format"
        )


def _trace(model: keras.Model, variables: Sequence[Any], *, free: bool, large: Collection[str]) -> Any:
    """Return the ONNX graph of `model`, whose inputs are input_0, ... and weight_0, ...

    Args:
        model: the model.
        variables: its variables, trainable ones first.
        free: whether axes of unknown length stay so.
        large: names of weights for which no values may be made up on the way.
    """
    import keras
    import tensorflow as tf
    import tf2onnx

    trainable = len(model.trainable_variables)
    # The `input` of a Sequential model is one of its tensors.
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    shapes = [(1, *tensor.shape[1:]) for tensor in model.inputs] if free else [s.shape for s in signature.inputs(model)]
    inputs = [
        tf.TensorSpec(shape, tensor.dtype, name=f"input_{index}")
        for index, (shape, tensor) in enumerate(zip(shapes, model.inputs, strict=True))
    ]
    weights = [
        tf.TensorSpec(variable.shape, variable.dtype, name=f"weight_{index}")
        for index, variable in enumerate(variables)
    ]

    def trace(*values: Any) -> dict[str, Any]:
        given, state = values[: len(inputs)], values[len(inputs) :]
        nested = tf.nest.pack_sequence_as(structure, given)
        results, _ = model.stateless_call(list(state[:trainable]), list(state[trainable:]), nested, training=False)
        flat = tf.nest.flatten(results)
        return {f"output_{index}": tf.identity(value) for index, value in enumerate(flat)}

    arguments = [*inputs, *weights]
    with positions_of_extremes_by_one_operator():
        function = tf.function(trace, input_signature=arguments, autograph=False)
        if has_sealed_calls(function.get_concrete_function().graph):
            function = tf.function(unsealed(trace), input_signature=arguments, autograph=False)
        captured = function.get_concrete_function().graph.captures
    if any(of.dtype == tf.resource for of, _ in captured):
        raise ConversionError(
            "an .onnx holds no lookup table (IntegerLookup, StringLookup); look values up before the model"
        )
    with without_values_of_inputs(large):
        subject = f"the model {model.name!r}"
        proto = call(lambda: tf2onnx.convert.from_function(function, arguments, opset=OPSET), subject)
    # Constants that are not variables, such as the mean of a Normalization layer, are additional graph inputs.
    _store(proto.graph, {to.name: of.numpy() for of, to in captured})
    return proto


def _store(graph: GraphProto, values: Mapping[str, Any]) -> None:
    """Turn the inputs of `graph` that are in `values` into initializers."""
    from onnx import numpy_helper

    given = list(graph.input)
    del graph.input[:]
    for value in given:
        if value.name in values:
            graph.initializer.append(numpy_helper.from_array(values[value.name], value.name))
        else:
            graph.input.append(value)


def refuse_unknown_operators(graph: GraphProto, layers: Collection[str] = ()) -> None:
    """Refuse a graph with operators that ONNX does not define.

    Raises:
        ConversionError: it has some; the message names them, and those of `layers` that they belong to.
    """
    from onnx import defs

    unknown: dict[str, list[str]] = {}
    for node in graph.node:
        if node.domain or not defs.has(node.op_type, OPSET, ""):
            unknown.setdefault(_layer(node.name, layers), []).append(node.op_type)
    if unknown:
        found = [", ".join(dict.fromkeys(operators)) + layer for layer, operators in unknown.items()]
        if any("Random" in one for one in found):
            ways = "give random numbers to the model as an input, or take the mean in place of a sample"
        else:
            ways = "choose another format"
        raise ConversionError(f"ONNX has no counterpart for the operator {' and '.join(found)}; {ways}")
    for node in graph.node:
        for inner in subgraphs(node):
            refuse_unknown_operators(inner, layers)


def _layer(place: str, layers: Collection[str]) -> str:
    """Return " (layer NAME)" for the name of a node, "model/layer_1/operation"; empty if it belongs to no layer."""
    scopes = place.split("/")[:-1]
    # The model is called a second time for the conversion, which numbers its layers.
    names = (one for scope in scopes for one in (scope, scope.removesuffix("_1")) if one in layers)
    name = next(names, None)
    return f" (layer {name})" if name else ""

"""The first part of a model: what turns features into numbers of one scale, before the first layers with a kernel."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array
from export.model.graph import Graph, Node
from export.model.run_graph import as_inputs, calls_of

if TYPE_CHECKING:
    import keras

# Layers that compute nothing in a file, or only move numbers.
PASSING_ON = frozenset({"Reshape", "Flatten", "Permute", "Identity", "Dropout", "GaussianNoise", "Cast", "ExpandDims"})

# Layers with weights that give each feature a scale; those without weights prepare, too.
_NORMALIZATIONS = frozenset(
    {"BatchNormalization", "Normalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"}
)

# Operations that the converter multiplies into the kernel behind them.
_FUSED = frozenset({"BatchNormalization", "Multiply", "TrueDivide", "Divide", "Rescaling"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Preparation:
    """The calls between the inputs of a flat model and its first layers with a kernel.

    Attributes:
        nodes: calls that compute with features, or with the outputs of other such calls.
        kernels: calls of layers with a kernel that read a feature or an output of `nodes`.
        values: of the features and the outputs of `nodes`, (N, ...), by the tensor's id.
        calls: names of the calls of `run_graph` that compute the outputs of `nodes`, by the tensor's id.
    """

    nodes: tuple[Node, ...]
    kernels: tuple[Node, ...]
    values: Mapping[int, Array]
    calls: Mapping[int, str]

    def gain(self, node: Node) -> Array | None:
        """Return what the converter multiplies into a call's kernel, (inputs,): 1 if nothing; None if it is unknown."""
        makers = {id(tensor): one for one in self.nodes for tensor in one.outputs}
        read = source = node.input_tensors[0]
        while (maker := makers.get(id(source))) is not None and type(maker.operation).__name__ in _FUSED:
            if len(maker.input_tensors) != 1 or maker.input_tensors[0].shape != source.shape:
                break
            source = maker.input_tensors[0]
        before, after = (self.values[id(tensor)] for tensor in (source, read))
        over = tuple(range(before.ndim - 1))
        varies, varied = after.std(axis=over), before.std(axis=over)
        if not np.isfinite(varies).all() or not np.isfinite(varied).all():
            return None
        gain: Array = np.divide(varies, varied, out=np.ones_like(varies), where=(varies > 0) & (varied > 0))
        return gain


def of(model: keras.Model, features: Collection[str], inputs: Mapping[str, Array]) -> Preparation:
    """Return the preparation of the inputs `features` of a flat model, run on `inputs` (N, ...) by name."""
    given = [tensor for tensor in model.inputs if tensor._keras_history.operation.name in features]
    known = {id(tensor) for tensor in given}
    prepares, kernels = [], []
    calls = {id(tensor): call for tensor, call in calls_of(model)}
    for node in Graph(model).nodes:
        if not node.input_tensors or not known.issuperset(map(id, node.input_tensors)):
            continue
        if _prepares(node.operation):
            prepares.append(node)
            known.update(map(id, node.outputs))
        elif len(node.input_tensors) == 1 and kernel_of(node) is not None:
            kernels.append(node)
    made = [tensor for node in prepares for tensor in node.outputs]
    values = {id(tensor): np.asarray(inputs[tensor._keras_history.operation.name]) for tensor in given}
    values |= dict(zip(map(id, made), _values(model, made, inputs), strict=True))
    return Preparation(
        nodes=tuple(prepares),
        kernels=tuple(kernels),
        values=values,
        calls={id(tensor): calls[id(tensor)] for tensor in made},
    )


def _values(model: keras.Model, tensors: Sequence[Any], inputs: Mapping[str, Array]) -> list[Array]:
    """Return the values (N, ...) of tensors of the model."""
    import keras

    if not tensors:
        return []
    few = keras.Model(model.inputs, list(tensors))
    given = as_inputs(model, inputs)
    found = few([given[tensor._keras_history.operation.name] for tensor in model.inputs], training=False)
    return [np.asarray(one) for one in keras.tree.flatten(found)]


def kernel_of(node: Node) -> Any:
    """Return the kernel (..., inputs, outputs) by which a call multiplies the last axis; None if it has no such."""
    import keras

    kinds = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
    if type(node.operation) not in kinds or getattr(node.operation, "data_format", "") == "channels_first":
        return None
    kernel = node.operation.kernel
    return kernel if kernel.shape[-2] == node.input_tensors[0].shape[-1] else None  # not if it has groups


def makers(model: keras.Model, tensor: Any) -> Iterator[str]:
    """Yield the operation that computes a tensor, directly or before operations that only move it."""
    for node in Graph(model).nodes:
        if any(one is tensor for one in node.outputs):
            if moves(node.operation):
                yield from makers(model, node.input_tensors[0])
            else:
                yield node.operation.name


def readers(model: keras.Model, tensor: Any) -> Iterator[str]:
    """Yield the operations that compute with a tensor, directly or behind operations that only move it."""
    for node in Graph(model).nodes:
        if any(one is tensor for one in node.input_tensors):
            if moves(node.operation):
                yield from readers(model, node.outputs[0])
            else:
                yield node.operation.name


def moves(operation: Any) -> bool:
    """Return whether an operation only moves numbers."""
    return type(operation).__name__ in PASSING_ON


def _prepares(operation: Any) -> bool:
    return not getattr(operation, "weights", ()) or type(operation).__name__ in _NORMALIZATIONS

"""What each output of a model means, from its task, its training loss and its last operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from export.metrics import OutputKind
from export.model import signature
from export.model.graph import functional, is_dissolved

if TYPE_CHECKING:
    import keras

CLASSIFICATION, TEXT_CLASSIFICATION = "classification", "text classification"
SOUND_CLASSIFICATION = "sound classification"
# Tasks whose outputs are one score for each class.
SCORING_CLASSES = (CLASSIFICATION, TEXT_CLASSIFICATION, SOUND_CLASSIFICATION)
EMBEDDING = "embedding"
LANGUAGE_MODELLING = "language modelling"
MASKED_LANGUAGE_MODELLING = "masked language modelling"
TRANSLATION = "translation"
# Tasks whose outputs are scores of tokens: of the next one, or of one that is hidden.
SCORING_TOKENS = (LANGUAGE_MODELLING, MASKED_LANGUAGE_MODELLING, TRANSLATION)

# Operations that only move or copy numbers, by the name of their class.
_PASSING_ON = frozenset(
    {"Identity", "Reshape", "Flatten", "Permute", "Transpose", "Squeeze", "ExpandDims", "Cast", "RepeatVector"}
    | {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"}
)
_LINEAR_LAYERS = frozenset({"Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D"})
_ACTIVATED_LAYERS = _LINEAR_LAYERS | {"Activation", "SeparableConv2D", "Conv2DTranspose", "Conv1DTranspose"}

_BY_ACTIVATION = {
    "softmax": OutputKind.CLASSES,
    "log_softmax": OutputKind.CLASSES,
    "sigmoid": OutputKind.DECISIONS,
    "hard_sigmoid": OutputKind.DECISIONS,
}
_NAME_OF_OPERATION = {
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hard_sigmoid",
}
_CLASS_LOSSES = frozenset(
    {"categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy"}
)
_VALUE_LOSSES = frozenset(
    {"mean_squared_error", "mse", "mean_absolute_error", "mae", "huber", "log_cosh", "logcosh", "cosine_similarity"}
    | {"mean_absolute_percentage_error", "mape", "mean_squared_logarithmic_error", "msle", "poisson"}
)


def output_kinds(model: keras.Model, losses: Mapping[str, str], task: str) -> dict[str, OutputKind]:
    """Return the kind of every output, by name.

    Rows (N, C) of a linear layer are class scores if the task or the loss says so, or if neither is known and they are
    the only output. A softmax makes classes of any output, a sigmoid decisions, unless the loss is one of regression.

    Args:
        model: functional or Sequential model.
        losses: names of the losses that outputs were trained with, in snake case, by output name; those unknown lack.
        task: of the model, such as "classification"; empty if unknown.
    """
    model = functional(model)
    specs = signature.outputs(model)
    return {
        spec.name: _kind(tensor, losses.get(spec.name, ""), task, is_only=len(specs) == 1)
        for tensor, spec in zip(model.outputs, specs, strict=True)
    }


def final_functions(model: keras.Model) -> dict[str, str]:
    """Return the name of the function that ends each output, such as "softmax", by name; empty where none is known."""
    model = functional(model)
    pairs = zip(model.outputs, signature.outputs(model), strict=True)
    return {spec.name: _final_function(_last_operation(tensor)) for tensor, spec in pairs}


def _final_function(operation: Any) -> str:
    name = type(operation).__name__
    return _NAME_OF_OPERATION.get(name) or _activation(operation)


def _kind(tensor: Any, loss: str, task: str, *, is_only: bool) -> OutputKind:
    if not np.issubdtype(np.dtype(str(tensor.dtype).replace("bfloat16", "float32")), np.floating):
        return OutputKind.LABELS
    operation = _last_operation(tensor)
    if task == EMBEDDING and len(tensor.shape) == 2:
        return OutputKind.EMBEDDINGS
    if task in SCORING_TOKENS and len(tensor.shape) == 3:
        return OutputKind.NEXT_TOKENS
    has_classes = tensor.shape[-1] is not None and tensor.shape[-1] > 1
    if loss in _VALUE_LOSSES:
        return OutputKind.VALUES
    found = _BY_ACTIVATION.get(_final_function(operation))
    if found is OutputKind.CLASSES:
        return found if has_classes else OutputKind.VALUES
    if found is not None:
        return found
    is_linear = type(operation).__name__ in _LINEAR_LAYERS and _activation(operation) == "linear"
    is_row = len(tensor.shape) == 2
    scores = loss in _CLASS_LOSSES or (is_row and task in SCORING_CLASSES)
    scores = scores or (is_row and is_linear and not loss and not task and is_only)
    return OutputKind.CLASSES if scores and has_classes else OutputKind.VALUES


def _last_operation(tensor: Any) -> Any:
    """Return the operation that computes the values of a tensor, inside of nested models and before mere moves."""
    while True:
        operation, node_index, tensor_index = tensor._keras_history
        if is_dissolved(operation):
            tensor = functional(operation).outputs[tensor_index]
        elif _moves(operation) and operation._inbound_nodes[node_index].input_tensors:
            tensor = operation._inbound_nodes[node_index].input_tensors[0]
        else:
            return operation


def _moves(operation: Any) -> bool:
    name = type(operation).__name__
    return name in _PASSING_ON or (name == "Activation" and _activation(operation) == "linear")


def _activation(operation: Any) -> str:
    """Return the name of the activation that an operation ends with; empty if it has none or that of its inside."""
    if type(operation).__name__ not in _ACTIVATED_LAYERS:
        return ""
    return getattr(getattr(operation, "activation", None), "__name__", "")

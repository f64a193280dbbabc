"""Cut layers that read text off a model: files compute with numbers, so that text is turned into them outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import Texts
from calibration.samples import Array
from export.model import signature
from export.model.graph import Graph, functional
from export.model.loading.text_rules import rule_of
from export.model.run_graph import call
from zoo.errors import UsageProblemError
from zoo.inputs import Input, Tokens
from zoo.language.text_rule import TextRule

if TYPE_CHECKING:
    import keras

_STRING = "string"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A model without the layers that read text.

    Attributes:
        model: takes what these layers compute.
        contracts: meaning of the inputs that were text, by name.
        texts: how texts become the numbers of these inputs, by name.
        rules: the same, stated so that a device can do it, by name.
        vocabularies: contents of files with a word a line, whose number is its line counted from 0, by file name.
        notes: sentences for the user.
    """

    model: keras.Model
    contracts: Mapping[str, Input] = field(default_factory=dict)
    texts: Mapping[str, Texts] = field(default_factory=dict)
    rules: Mapping[str, TextRule] = field(default_factory=dict)
    vocabularies: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def without_strings(name: str, model: keras.Model) -> Cut:
    """Return the model behind the layers that turn text into numbers, with inputs of the same names.

    Args:
        name: of the model's file, for messages.
        model: functional model; returned unchanged if no input is text.

    Raises:
        UsageProblemError: text reaches something else than one layer for each input that turns it into numbers.
    """
    import keras

    model = functional(model)
    texts = {
        id(tensor): one
        for one, tensor in zip(signature.names(model)[0], model.inputs, strict=True)
        if tensor.dtype == _STRING
    }
    if not texts:
        return Cut(model=model)
    known: dict[int, Any] = {}
    readers: dict[str, Any] = {}
    inputs = {}
    for node in Graph(model).nodes:
        read = [texts[id(tensor)] for tensor in node.input_tensors if id(tensor) in texts]
        if read:
            _check_reader(name, node, read[0], readers)
            readers[read[0]] = node.operation
            inputs[read[0]] = known[id(node.outputs[0])] = _number_input(read[0], node)
    for one, tensor in zip(signature.names(model)[0], model.inputs, strict=True):
        if id(tensor) not in texts:
            inputs[one] = known[id(tensor)] = tensor
    for node in Graph(model).nodes:
        if any(id(tensor) not in known for tensor in node.outputs) and id(node.input_tensors[0]) not in texts:
            known.update({id(old): new for old, new in zip(node.outputs, call(node, known), strict=True)})
    shapes = {one: tuple(spec.shape[1:]) for one, spec in zip(signature.names(model)[0], model.inputs, strict=True)}
    ordered = [inputs[one] for one in signature.names(model)[0]]
    outputs = [known[id(tensor)] for tensor in model.outputs]
    read_by = {one: _texts(layer, shapes[one]) for one, layer in readers.items()}
    words = {_file_name(one): found for one, layer in readers.items() if (found := _words(layer))}
    rules = {
        one: rule_of(
            layer, _file_name(one) if _file_name(one) in words else "", tuple(inputs[one].shape[1:]), read_by[one]
        )
        for one, layer in readers.items()
    }
    return Cut(
        model=keras.Model(ordered[0] if len(ordered) == 1 else ordered, outputs, name=model.name),
        contracts={one: contract for one, layer in readers.items() if (contract := _contract(layer)) is not None},
        texts=read_by,
        rules=rules,
        vocabularies=words,
        notes=tuple(_note(one, layer, inputs[one], rules[one]) for one, layer in readers.items()),
    )


def _check_reader(name: str, node: Any, text: str, readers: Mapping[str, Any]) -> None:
    """Check that a call that reads a text returns numbers, and that it is the first to read that text.

    Raises:
        UsageProblemError: it is not.
    """
    if len(node.outputs) != 1 or len(node.input_tensors) != 1 or node.outputs[0].dtype == _STRING or text in readers:
        raise UsageProblemError(
            f"{name} takes text as the input {text!r}, and its layer {node.operation.name!r} does not turn it into "
            "numbers alone; export the model behind the layers that read text: keras.Model(numbers, outputs)"
        )


def _number_input(text: str, node: Any) -> Any:
    """Return an input of the name of the text and of the shape of a layer's output, with int32 for 64-bit integers."""
    import keras

    (tensor,) = node.outputs
    dtype = "int32" if tensor.dtype == "int64" else tensor.dtype
    return keras.Input(batch_shape=_shape(node), dtype=dtype, name=text)


def _shape(node: Any) -> tuple[int | None, ...]:
    """Return the shape of a layer's output, which may differ from the one that it declares.

    Keras 3.15: a TextVectorization that counts words declares (N, 1, words) for texts (N, 1), but returns (N, words).
    """
    (tensor,), layer = node.outputs, node.operation
    declared = tuple(tensor.shape)
    if not hasattr(layer, "get_vocabulary") or len(declared) < 3 or declared[1] != 1:
        return declared
    word = str(layer.get_vocabulary()[-1])
    given = _texts(layer, tuple(node.input_tensors[0].shape[1:]))
    found = given.numbers(np.full((1, *given.shape), word, object))
    return declared if found.ndim == len(declared) else (declared[0], *found.shape[1:])


def _contract(layer: Any) -> Input | None:
    """Return the meaning of what a layer computes, if these are numbers of words."""
    # Keras keeps the output mode of TextVectorization to itself.
    mode = getattr(layer, "output_mode", getattr(layer, "_output_mode", ""))
    if mode != "int" or not hasattr(layer, "get_vocabulary"):
        return None
    return Tokens(vocabulary=len(layer.get_vocabulary()))


def _texts(layer: Any, shape: tuple[int | None, ...]) -> Texts:
    """Return how a layer turns texts into numbers; of an unknown number of texts, a sample has one."""

    def numbers(texts: NDArray[Any]) -> Array:
        import tensorflow as tf

        return np.asarray(layer(tf.constant(texts.astype(object), tf.string)))

    return Texts(shape=tuple(1 if size is None else size for size in shape), numbers=numbers)


def _words(layer: Any) -> bytes:
    """Return the vocabulary of a layer, a word a line; empty if it has none."""
    if not hasattr(layer, "get_vocabulary"):
        return b""
    return ("\n".join(str(word).replace("\n", " ") for word in layer.get_vocabulary()) + "\n").encode()


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in text) + "-vocabulary.txt"


def _note(text: str, layer: Any, tensor: Any, rule: TextRule) -> str:
    shape = (1, *tensor.shape[1:])
    listed = f"; {_file_name(text)} lists the words" if hasattr(layer, "get_vocabulary") else ""
    stated = ", and the manifest states under `texts` how a text becomes these numbers"
    listed += stated if rule.is_complete else ", but no rule states how a text becomes these numbers"
    return (
        f"the input {text!r} is text in Keras; the files begin behind the layer {layer.name!r} "
        f"({type(layer).__name__}) and take what it computes, {tensor.dtype} {shape}{listed}"
    )

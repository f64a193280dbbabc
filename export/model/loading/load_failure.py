"""The sentence about a model file that Keras cannot load."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

_OWN_FUNCTION = re.compile(r"'class_name': 'function', 'config': '([^']+)'")
_VOCABULARY = re.compile(r"Vocabulary file: '([^']*)'")
_LAYER_OF_WORDS = re.compile(r"'class_name': '(StringLookup|IntegerLookup|TextVectorization)'")
_SHAPE = re.compile(r"shape ?(\[[\d, ]+\])")
_CAUSE = "Exception encountered: "  # of Keras, behind the whole configuration of a layer
_UNKNOWN = ("Could not locate class", "Unknown layer")


def lambda_refusal(path: Path) -> str:
    """Return the sentence about a file with a Lambda layer."""
    return (
        f"{path.name} contains Python code (a Lambda layer), which is not run from a file; replace the Lambda by a "
        "built-in layer and save the model again, or type --unsafe-lambda if you trust the file"
    )


def load_errors() -> tuple[type[Exception], ...]:
    """Return what loading a file may raise, whatever the file contains; TensorFlow has error classes of its own."""
    from tensorflow.errors import OpError

    of_python = (
        ValueError,
        TypeError,
        LookupError,
        OSError,
        RuntimeError,
        ArithmeticError,
        AttributeError,
        MemoryError,
    )
    return (*of_python, zipfile.BadZipFile, OpError)


def load_failure(path: Path, error: Exception, keras: str = "Keras 3") -> str:
    """Return the sentence about a failure of `keras` to load a file."""
    text = " ".join(str(error).split())
    if reason := _too_much(error, text) or _outside_of_file(text):
        return f"{path.name} {reason}"
    if "lambda" in text.lower() or "unsafe" in text.lower():
        return lambda_refusal(path)
    for words in _UNKNOWN:
        if words in text and "'" in text.split(words, 1)[1]:
            name = text.split(words, 1)[1].split("'")[1]
            return (
                f"{path.name} needs the custom layer {name!r}, whose code is not in the file; type --import FILE.py "
                "with the file that defines it, or build the model in Python and call export.run there (docs/python.md)"
            )
    cause = text.rsplit(_CAUSE, 1)[-1]
    return f"{path.name} cannot be loaded as a {keras} model: {cause[:300]}"


def _too_much(error: Exception, text: str) -> str:
    """Return how a file asks for more than a machine has; empty if it does not."""
    if isinstance(error, RecursionError):
        return "nests its layers or settings too deeply to be read; save a flatter model"
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        shape = _SHAPE.search(text)
        tensor = f" for a tensor of the shape {shape[1]}" if shape else ""
        return f"needs more memory than there is{tensor}; check the sizes of its layers"
    return ""


def _outside_of_file(text: str) -> str:
    """Return which code or file a model needs that is not in its file; empty if it is something else."""
    if "TFSMLayer" in text:
        return (
            "has a TFSMLayer, which runs a SavedModel in another folder; export that folder itself: zoo export FOLDER"
        )
    if found := _VOCABULARY.search(text):
        layer = _LAYER_OF_WORDS.search(text)
        return (
            f"has the layer {layer[1] if layer else 'StringLookup'}, which reads its words from another file, "
            f"{found[1]!r}; give the layer a list of words and save the model again"
        )
    if found := _OWN_FUNCTION.search(text):
        return (
            f"uses the Python function {found[1]!r}, for example as an activation, whose code is not in the file; type "
            "--import FILE.py with the file that defines it, or use a function of keras.activations"
        )
    if "Could not interpret activation function identifier: {'value'" in text:
        return (
            "has a lambda as an activation, which is Python code and is not run from a file; use a function of "
            "keras.activations, or a named one and --import FILE.py, and save the model again"
        )
    return ""

"""A user's own .keras file: never trusted, and refused in a sentence where it cannot be exported."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from zoo.errors import UsageProblemError
from zoo.weights.patches import blank_weights

if TYPE_CHECKING:
    import keras

_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")  # of TensorFlow's root scopes


def load(path: Path) -> keras.Model:
    """Return the functional or Sequential Keras 3 model of a .keras file, loaded in safe mode.

    Raises:
        UsageProblemError: no such file, truncated, a zip that climbs out of its folder, code inside, a custom layer,
            or a subclassed model.
    """
    _check_archive(path)
    import keras

    try:
        with blank_weights():
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise UsageProblemError(_reason(path, error)) from error
    return _functional(path, model)


def sha256(path: Path) -> str:
    """Return the file's digest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def normalises_by_itself(model: keras.Model) -> bool:
    """Whether the model begins with a Rescaling or Normalization layer, so that it takes bytes as they are.

    Random layers before it (flips, rotations) are for training; they pass photos on.
    """
    import keras

    random = tuple(getattr(keras.layers, name) for name in dir(keras.layers) if name.startswith("Random"))
    layers = (layer for layer in _layers(model) if not isinstance(layer, (keras.layers.InputLayer, *random)))
    return isinstance(next(layers, None), keras.layers.Rescaling | keras.layers.Normalization)


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers in their order, those of models in the model in place of these."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _functional(path: Path, model: keras.Model) -> keras.Model:
    """Return a functional model with the same weights, its one input bare or a list of them, each output once."""
    import keras

    if isinstance(model, keras.Sequential) and not model.built:
        raise UsageProblemError(
            f"{path.name} does not know the size of its input; begin it with keras.Input, for example "
            "keras.Sequential([keras.Input((224, 224, 3)), *layers]), and save it again"
        )
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise UsageProblemError(
            f"{path.name} holds a {type(model).__name__} that is neither functional nor Sequential; wrap it as "
            "keras.Model(inputs, model(inputs)) and save that"
        )
    _check_names(path, model)
    for layer in _layers(model):
        # Mixed precision is for training: the weights are float32, and so are the files.
        if layer.dtype_policy.name.startswith("mixed_"):
            layer.dtype_policy = "float32"
    # Structures (dictionaries, tuples) end here: a file's inputs and outputs are a flat list of names.
    # One input is no list: Keras warns wherever a model is called with another structure than its own.
    inputs = model.inputs[0] if len(model.inputs) == 1 else list(model.inputs)
    outputs = {id(tensor): tensor for tensor in model.outputs}
    return keras.Model(inputs, list(outputs.values()), name=model.name)


def _check_names(path: Path, model: keras.Model) -> None:
    """Refuse names that TensorFlow cannot use for the operators of a layer; Keras on JAX or PyTorch can."""
    import keras

    for layer in model._flatten_layers():
        if not isinstance(layer, keras.layers.InputLayer) and not _SCOPE.fullmatch(layer.name):
            raise UsageProblemError(
                f"{path.name} has a layer or model named {layer.name!r}; TensorFlow takes letters, digits and . _ - "
                "in such names: rename it and save again"
            )


def _check_archive(path: Path) -> None:
    if not path.exists():
        raise UsageProblemError(f"there is no file {str(path)!r}; give a .keras file or a name from `zoo list`")
    if path.suffix != ".keras":
        raise UsageProblemError(
            f"{path.name} is no .keras file; load it where it was made and save it with model.save('model.keras')"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                parts = PurePosixPath(name.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts:
                    raise UsageProblemError(
                        f"{path.name} is refused: it holds {name!r}, which climbs out of its folder"
                    )
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise UsageProblemError(f"{path.name} is corrupt or truncated ({error}); save or copy it again") from error
    if broken is not None:
        raise UsageProblemError(f"{path.name} is corrupt: {broken} inside it does not match its checksum")


def _reason(path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "lambda" in text.lower() or "unsafe" in text.lower():
        return (
            f"{path.name} holds Python code (a Lambda layer), which is not run from a file; replace it by a layer and "
            "save again"
        )
    if "Could not locate class" in text:
        name = text.split("Could not locate class", 1)[1].strip().split("'")[1]
        return (
            f"{path.name} needs the custom layer {name!r}, which a file cannot bring along; build the model in Python, "
            "call export.run there (docs/python.md), or replace the layer by layers of Keras"
        )
    return f"{path.name} cannot be loaded as a Keras 3 model: {text[:300]}"

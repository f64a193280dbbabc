"""Load a user's .keras file in safe mode; a file that cannot be exported is refused with one sentence."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageProblemError
from zoo.weights.patches import blank_weights

if TYPE_CHECKING:
    import keras

_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")  # valid TensorFlow root scope names


def load(path: Path) -> keras.Model:
    """Return the functional or Sequential Keras 3 model of a .keras file, loaded in safe mode.

    Raises:
        UsageProblemError: the file is missing or damaged, has entries outside its folder, contains Python code or a
            custom layer, or holds a subclassed model.
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
    """Return the SHA-256 of the file as a hex string."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def losses(path: Path, outputs: Sequence[str]) -> dict[str, str]:
    """Return the names of the losses that a .keras file says its model was trained with, in snake case, by output name.

    Outputs without a loss lack; all do if the model was not compiled or its losses are functions of the user's own.
    """
    with zipfile.ZipFile(path) as archive:
        compiled = json.loads(archive.read("config.json")).get("compile_config") or {}
    loss = compiled.get("loss")
    if isinstance(loss, list):
        named = dict(zip(outputs, loss, strict=False))
    elif isinstance(loss, dict) and "class_name" not in loss:
        named = loss
    else:
        named = dict.fromkeys(outputs, loss)
    return {name: _loss_name(one) for name, one in named.items() if name in outputs and one}


def _loss_name(loss: Any) -> str:
    """Return the name of a loss from its serialised form: "mse", or "mean_squared_error" of a class."""
    if isinstance(loss, dict):
        loss = (loss.get("config") or {}).get("name") if isinstance(loss.get("config"), dict) else loss.get("config")
    return str(loss or "")


def normalises_by_itself(model: keras.Model) -> bool:
    """Return whether the model begins with a Rescaling or Normalization layer and so takes camera bytes directly.

    Random layers before it (flips, rotations) are ignored: they are active in training only.
    """
    import keras

    random = tuple(getattr(keras.layers, name) for name in dir(keras.layers) if name.startswith("Random"))
    layers = (layer for layer in _layers(model) if not isinstance(layer, (keras.layers.InputLayer, *random)))
    return isinstance(next(layers, None), keras.layers.Rescaling | keras.layers.Normalization)


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers in order, with nested models replaced by their layers."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _functional(path: Path, model: keras.Model) -> keras.Model:
    """Return a functional model of the same layers with a single input or a list of inputs, and distinct outputs."""
    import keras

    if isinstance(model, keras.Sequential) and not model.built:
        raise UsageProblemError(
            f"{path.name} has no input shape; begin the model with keras.Input, for example "
            "keras.Sequential([keras.Input((224, 224, 3)), *layers]), and save it again"
        )
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise UsageProblemError(
            f"{path.name} holds a {type(model).__name__} that is neither functional nor Sequential; wrap the model as "
            "keras.Model(inputs, model(inputs)) and save that"
        )
    _check_names(path, model)
    for layer in _layers(model):
        # Mixed precision is for training; the weights and the exported files are float32.
        if layer.dtype_policy.name.startswith("mixed_"):
            layer.dtype_policy = "float32"
    # Exported files have flat inputs and outputs, so dictionaries and tuples are flattened here.
    # A single input stays outside a list: Keras warns about calls with another structure than the model's.
    inputs = model.inputs[0] if len(model.inputs) == 1 else list(model.inputs)
    outputs = {id(tensor): tensor for tensor in model.outputs}
    return keras.Model(inputs, list(outputs.values()), name=model.name)


def _check_names(path: Path, model: keras.Model) -> None:
    """Check that all layer names are valid in TensorFlow; Keras on JAX or PyTorch accepts more names.

    Raises:
        UsageProblemError: a name is not valid.
    """
    import keras

    for layer in model._flatten_layers():
        if not isinstance(layer, keras.layers.InputLayer) and not _SCOPE.fullmatch(layer.name):
            raise UsageProblemError(
                f"{path.name} has a layer or model named {layer.name!r}; TensorFlow accepts only letters, digits and "
                ". _ - in such names: rename the layer and save the model again"
            )


def _check_archive(path: Path) -> None:
    if not path.exists():
        raise UsageProblemError(f"there is no file {str(path)!r}; give a .keras file or a name from `zoo list`")
    if path.suffix != ".keras":
        raise UsageProblemError(
            f"{path.name} is not a .keras file; load the model with the code that saved it and save it with "
            "model.save('model.keras')"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                parts = PurePosixPath(name.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts:
                    raise UsageProblemError(
                        f"{path.name} is refused: its entry {name!r} would be written outside the target folder"
                    )
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise UsageProblemError(
            f"{path.name} is damaged or truncated ({error}); save or copy the file again"
        ) from error
    if broken is not None:
        raise UsageProblemError(f"{path.name} is damaged: its entry {broken} does not match its checksum")


def _reason(path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "lambda" in text.lower() or "unsafe" in text.lower():
        return (
            f"{path.name} contains Python code (a Lambda layer), which is not run from a file; replace the Lambda by "
            "a built-in layer and save the model again"
        )
    if "Could not locate class" in text:
        name = text.split("Could not locate class", 1)[1].strip().split("'")[1]
        return (
            f"{path.name} needs the custom layer {name!r}, whose code is not in the file; build the model in Python, "
            "call export.run there (docs/python.md), or replace the layer by built-in Keras layers"
        )
    return f"{path.name} cannot be loaded as a Keras 3 model: {text[:300]}"

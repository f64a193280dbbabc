"""Load a whole model from an .h5 file, by Keras 3 or, if Keras 2 wrote it, by tf_keras and a conversion."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export import temporary
from export.model.loading import h5_operators, untrusted
from export.model.loading.application_layers import application_layers
from export.model.loading.keras2 import load as keras2
from export.model.loading.load_failure import load_errors, load_failure
from zoo.errors import UsageProblemError
from zoo.weights.patches import blank_weights

if TYPE_CHECKING:
    import keras

SUFFIXES = (".h5", ".hdf5")


def load(path: Path, *, unsafe_lambda: bool = False) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model of an .h5 file, and notes about how it was read; `unsafe_lambda` runs its Lambda layers.

    Raises:
        UsageProblemError: the file is missing or damaged, holds only weights, contains Python code or a custom layer,
            or cannot be converted to Keras 3.
    """
    config, version = described(path)
    untrusted.check_config(path, config, unsafe_lambda=unsafe_lambda)
    if not version.startswith("3"):
        return keras2.load(path, config, unsafe_lambda=unsafe_lambda)
    marked = h5_operators.named(config)
    try:
        with temporary.folder() as folder:
            source = path if marked == config else _copied(path, Path(folder), marked)
            return _loaded(source, unsafe_lambda=unsafe_lambda), ()
    except load_errors() as error:
        raise UsageProblemError(load_failure(path, error)) from error


def _loaded(path: Path, *, unsafe_lambda: bool) -> keras.Model:
    import keras

    known = {**application_layers("keras"), **h5_operators.operators()}
    with blank_weights():
        return keras.saving.load_model(path, custom_objects=known, compile=False, safe_mode=not unsafe_lambda)


def _copied(path: Path, folder: Path, config: Any) -> Path:
    """Return a copy of the file with another configuration of the model."""
    import h5py

    copy = shutil.copyfile(path, folder / f"model{SUFFIXES[0]}")
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    return copy


def training_loss(path: Path) -> Any:
    """Return the `loss` that the model of the file was compiled with, as stored; None if it was not compiled."""
    import h5py

    with h5py.File(path, "r") as file:
        return (_json(file.attrs.get("training_config")) or {}).get("loss")


def described(path: Path) -> tuple[Any, str]:
    """Return the configuration of the model and the version of Keras that wrote the file.

    Raises:
        UsageProblemError: the file is missing or damaged, reads other files, or holds only weights.
    """
    import h5py

    if not path.exists():
        raise UsageProblemError(f"there is no file {str(path)!r}; give a model file or a name from `zoo list`")
    try:
        with h5py.File(path, "r") as file:
            untrusted.check_hdf5(path, file)
            config = _json(file.attrs.get("model_config"))
            version = _text(file.attrs.get("keras_version", ""))
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageProblemError(
            f"{path.name} is damaged or truncated ({first}); save or copy the file again"
        ) from error
    if config is None:
        raise UsageProblemError(
            f"{path.name} holds only weights; build the model in Python, type model.load_weights({path.name!r}), and "
            "save the whole model with model.save('model.keras')"
        )
    return config, version


def _json(value: Any) -> Any:
    return None if value is None else json.loads(_text(value))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

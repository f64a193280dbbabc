"""Load a Keras 2 file by tf_keras and return the Keras 3 model with the same outputs, without wrappers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.model.loading.application_layers import application_layers
from export.model.loading.keras2 import same_outputs
from export.model.loading.keras2.convert import converted
from export.model.loading.keras2.errors import ConversionError
from export.model.loading.keras2.wrappers import known, words
from export.model.loading.keras2.wrappers.loadable import loadable_classes
from export.model.loading.keras2.wrappers.unrounded import turn_rounding_off
from export.model.loading.load_failure import load_errors, load_failure
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras


def load(path: Path, config: Any, *, unsafe_lambda: bool = False) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the Keras 3 model of a .h5 or .keras file of Keras 2, and notes about the conversion.

    Args:
        path: the file.
        config: the configuration of its model, checked by `export.model.loading.untrusted`.
        unsafe_lambda: run the code of its Lambda layers.

    Raises:
        UsageProblemError: tf_keras cannot load the file, or the model cannot be converted to Keras 3.
    """
    wrapped = known.is_wrapped(config)
    return to_keras_3(path, load_by_tf_keras(path, unsafe_lambda=unsafe_lambda, wrapped=wrapped))


def load_by_tf_keras(path: Path, *, unsafe_lambda: bool = False, wrapped: bool = False) -> Any:
    """Return the tf_keras model of a file.

    Args:
        path: the file or folder.
        unsafe_lambda: run the code of its Lambda layers.
        wrapped: the file names classes of tensorflow-model-optimization; loads that library.

    Raises:
        UsageProblemError: tf_keras cannot load the file.
    """
    import tf_keras
    from tf_keras.src.saving.serialization_lib import SafeModeScope

    own = loadable_classes() if wrapped else {}
    try:
        with SafeModeScope(not unsafe_lambda), tf_keras.utils.custom_object_scope(own):
            return tf_keras.models.load_model(path, application_layers("tf_keras"), compile=False)
    except load_errors() as error:
        if wrapped:
            raise UsageProblemError(words.refusal(path, error)) from error
        raise UsageProblemError(load_failure(path, error, "Keras 2")) from error


def to_keras_3(path: Path, original: Any) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the Keras 3 model of a tf_keras model without its wrappers, and notes about the conversion.

    Raises:
        UsageProblemError: the model cannot be converted, or its outputs differ afterwards.
    """
    wrapped = any(map(known.is_of_library, original._flatten_layers()))
    try:
        model = converted(original)
        about_wrappers = words.notes(path.name, original)
        how = ", with its rounding turned off" if turn_rounding_off(original) else ""
        worst = same_outputs.check(original, model)
    except ConversionError as error:
        if wrapped:
            raise UsageProblemError(words.refusal(path, error)) from error
        raise UsageProblemError(
            f"{path.name} is a Keras 2 model that cannot be converted: {error}; rebuild it in Keras 3 and save it with "
            "model.save('model.keras')"
        ) from error
    return model, (
        *about_wrappers,
        f"{path.name} is a Keras 2 model, converted to Keras 3; on random inputs its outputs changed by at most "
        f"{worst:.0e} of the largest output{how}",
    )

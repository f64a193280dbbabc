"""Load a Keras 2 file by tf_keras and return the Keras 3 model with the same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.model.loading.application_layers import application_layers
from export.model.loading.keras2 import same_outputs
from export.model.loading.keras2.convert import converted
from export.model.loading.keras2.errors import ConversionError
from export.model.loading.load_failure import load_failure
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras


def load(path: Path, *, unsafe_lambda: bool = False) -> tuple[keras.Model, str]:
    """Return the Keras 3 model of a .h5, .keras or SavedModel of Keras 2, and a note about the conversion.

    The file must have been checked by `export.model.loading.untrusted`.

    Raises:
        UsageProblemError: tf_keras cannot load the file, or the model cannot be converted to Keras 3.
    """
    return to_keras_3(path, load_by_tf_keras(path, unsafe_lambda=unsafe_lambda))


def load_by_tf_keras(path: Path, *, unsafe_lambda: bool = False) -> Any:
    """Return the tf_keras model of a file; `unsafe_lambda` runs the code of its Lambda layers.

    Raises:
        UsageProblemError: tf_keras cannot load the file.
    """
    import tf_keras
    from tf_keras.src.saving.serialization_lib import SafeModeScope

    try:
        with SafeModeScope(not unsafe_lambda):
            return tf_keras.models.load_model(path, application_layers("tf_keras"), compile=False)
    except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
        raise UsageProblemError(load_failure(path, error, "Keras 2")) from error


def to_keras_3(path: Path, original: Any) -> tuple[keras.Model, str]:
    """Return the Keras 3 model of a tf_keras model, and a note about the conversion.

    Raises:
        UsageProblemError: the model cannot be converted, or its outputs differ afterwards.
    """
    try:
        model = converted(original)
        worst = same_outputs.check(original, model)
    except ConversionError as error:
        raise UsageProblemError(
            f"{path.name} is a Keras 2 model that cannot be converted: {error}; rebuild it in Keras 3 and save it with "
            "model.save('model.keras')"
        ) from error
    return model, (
        f"{path.name} is a Keras 2 model, converted to Keras 3; on random inputs its outputs changed by at most "
        f"{worst:.0e} of the largest output"
    )

"""Arrays of a TensorFlow checkpoint: the weights of a SavedModel, by the number of their layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_LAYER = "layer_with_weights-"


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the arrays by the number of the layer and their name in Keras 3: "layer_with_weights-0/kernel".

    The state of an optimizer is left out. Only arrays are read: the graph of a SavedModel is in another file.

    Args:
        files: variables.index and variables.data-00000-of-00001, in one folder.

    Raises:
        ValueError: not a checkpoint of Keras.
    """
    import tensorflow as tf

    prefix = files[0].with_suffix("")
    try:
        checkpoint = tf.train.load_checkpoint(str(prefix))
        names = [
            name for name in checkpoint.get_variable_to_shape_map() if name.startswith(_LAYER) and name.endswith(_VALUE)
        ]
        found = {_plain(name): checkpoint.get_tensor(name) for name in names if "OPTIMIZER_SLOT" not in name}
    except (tf.errors.OpError, RuntimeError) as error:
        raise ValueError(f"{prefix.name} is damaged: {error}") from error
    if not found:
        raise ValueError(f"{prefix.name} is no checkpoint of a Keras model")
    return found


def _plain(name: str) -> str:
    return name.removesuffix(_VALUE).replace("/depthwise_kernel", "/kernel")

"""Files of MLPerf Tiny: the reference models of MLCommons, Apache-2.0, at one commit of their repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.pinned import Source, Weights

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Adapt, Array

COMMIT = "1afd2c9820f795965a6134facd0b4dfae41ef23f"
FOLDER = f"https://raw.githubusercontent.com/mlcommons/tiny/{COMMIT}/benchmark/training/"


def keras_file(path: str, sha256: str, layers: Mapping[str, str]) -> Source:
    """Return a model that Keras 2 saved in one file.

    Args:
        path: below benchmark/training.
        sha256: of the file.
        layers: our names of the layers with weights, by those in the file.
    """
    return Source(kind="url", location=FOLDER + path, sha256=sha256, reader="keras_h5", adapt=by_layer(layers))


def folder(path: str, members: tuple[str, ...], sha256: str, reader: str, adapt: Adapt) -> Source:
    """Return files of one folder.

    Args:
        path: of the folder below benchmark/training, with a slash at the end.
        members: names of the files.
        sha256: of the files' bytes, one after the other.
        reader: of the format.
        adapt: translates the names.
    """
    return Source(kind="url", location=FOLDER + path, members=members, sha256=sha256, reader=reader, adapt=adapt)


def reference(tag: str, trained_on: str, source: Source) -> Weights:
    """Return the weights of a reference model, which fit the default build."""
    return Weights(tag=tag, licence="Apache-2.0", trained_on=trained_on, sources=(source,))


def by_layer(layers: Mapping[str, str]) -> Adapt:
    """Return the adapter for arrays whose layers have other names: "conv2d_3/kernel" is "stack2_conv1/kernel"."""

    def adapt(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
        found = {}
        for stored, values in arrays.items():
            layer, _, weight = stored.rpartition("/")
            found[f"{layers[layer]}/{weight}"] = values
        return found

    return adapt


def numbered(kind: str, names: Sequence[str]) -> dict[str, str]:
    """Return names by those that Keras gives to layers of a class in turn: "conv2d", "conv2d_1", ..."""
    return {f"{kind}_{index}" if index else kind: name for index, name in enumerate(names)}

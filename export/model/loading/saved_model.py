"""Load a SavedModel folder: its Keras 2 layers if they can be restored, otherwise the function of its signature."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.model.loading import untrusted
from export.model.loading.keras2 import load as keras2
from export.model.loading.keras2.wrappers import known, words
from export.model.loading.signature_model import signature_model
from export.model.loading.untrusted_graph import check_functions
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

GRAPH, VARIABLES = "saved_model.pb", "variables"
_METADATA = "keras_metadata.pb"


def is_saved_model(path: Path) -> bool:
    """Return whether the path is the folder of a SavedModel."""
    return (path / GRAPH).is_file()


def load(path: Path, *, unsafe_lambda: bool = False) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model of a SavedModel folder, and notes about how it was read; `unsafe_lambda` runs its Lambda layers.

    Raises:
        UsageProblemError: the folder is damaged, its functions read or write files or run Python code, or it has
            neither Keras layers nor a signature.
    """
    graph = _parsed(path)
    check_functions(path, graph)
    described = list(_metadata(path, graph))
    for metadata in described:
        untrusted.check_config(path, metadata, unsafe_lambda=unsafe_lambda)
    wrapped = known.is_wrapped(described)
    if wrapped and _clusters_while_rounding(graph):
        raise UsageProblemError(words.refusal(path, "it was trained to keep clusters while it rounds"))
    original = keras2.load_by_tf_keras(path, unsafe_lambda=unsafe_lambda, wrapped=wrapped)
    if getattr(original, "_is_graph_network", False):
        try:
            return keras2.to_keras_3(path, original)
        except UsageProblemError as error:
            reason = str(error)
    else:
        reason = f"{path.name} is a SavedModel without Keras layers, as model.export writes"
    return signature_model(path, graph), (f"{reason}; its signature is exported as one layer, without reconstruction",)


def training_loss(path: Path) -> Any:
    """Return the `loss` that the model was compiled with, as stored; None if it was not compiled."""
    found = next(iter(_metadata(path, _parsed(path))), {})
    return (found.get("training_config") or {}).get("loss")


def _clusters_while_rounding(graph: Any) -> bool:
    """Return whether wrappers compute with clusters that they, as loaded, do not have: those of CQAT and PCQAT."""
    return any(node.variable.name.endswith("/cluster_centroids_tf") for node in graph.object_graph_def.nodes)


def _parsed(path: Path) -> Any:
    """Return the graph of the folder.

    Raises:
        UsageProblemError: it is damaged, or of TensorFlow 1.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    found = saved_model_pb2.SavedModel()
    try:
        found.ParseFromString((path / GRAPH).read_bytes())
    except (DecodeError, OSError) as error:
        raise UsageProblemError(f"{path.name}/{GRAPH} is damaged ({error}); save or copy the folder again") from error
    if len(found.meta_graphs) != 1 or not found.meta_graphs[0].object_graph_def.nodes:
        raise UsageProblemError(first_tensorflow(path))
    return found.meta_graphs[0]


def first_tensorflow(path: Path) -> str:
    """Return the sentence about a SavedModel of TensorFlow 1, which has no objects."""
    return (
        f"{path.name} is a SavedModel of TensorFlow 1; build the model in Keras and save it with "
        "model.save('model.keras')"
    )


def _metadata(path: Path, graph: Any) -> Iterator[Mapping[str, Any]]:
    """Yield what Keras stored about each object, the model first: in a file of its own since TensorFlow 2.5."""
    stored = path / _METADATA
    if stored.is_file():
        from tf_keras.protobuf import saved_metadata_pb2

        texts = [node.metadata for node in saved_metadata_pb2.SavedMetadata.FromString(stored.read_bytes()).nodes]
    else:
        texts = [node.user_object.metadata for node in graph.object_graph_def.nodes]
    for text in texts:
        if text:
            content = json.loads(text)
            if isinstance(content, dict):
                yield content

"""Whether a model's file is whole and holds a model: its structure, checked in milliseconds, without TensorFlow."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.model.loading import h5_file, keras_file, saved_model, untrusted
from export.model.loading.load_failure import lambda_refusal
from export.model.stored import wire
from zoo.errors import UsageProblemError

CONFIG, METADATA = "config.json", "metadata.json"
_MOST_CONFIG_BYTES = 1 << 28
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Entries of a .keras file that hold the weights: of one file, of several, and without h5py.
_WEIGHTS = ("model.weights.h5", "model.weights.json", "model.weights.npz")
# Checksums of larger files take longer than a second; they are compared when the model is loaded.
_QUICK_BYTES = 1 << 28
_META_GRAPHS, _OBJECT_GRAPH = 2, 7  # numbers of fields in saved_model.proto and meta_graph.proto


def read_config(path: Path, *, unsafe_lambda: bool = False) -> Mapping[str, Any] | None:
    """Return the configuration of the model in a file, after a check of its structure; None for a SavedModel.

    Args:
        path: an existing .keras file, .h5 file or SavedModel folder.
        unsafe_lambda: accept Lambda layers.

    Raises:
        UsageProblemError: the file is damaged, truncated, of another kind than its name says, or holds only weights.
    """
    if saved_model.is_saved_model(path):
        check_saved_model(path)
        return None
    if path.suffix == ".keras":
        return _of_keras(path, unsafe_lambda=unsafe_lambda)
    config, _ = h5_file.described(path)
    untrusted.check_config(path, config, unsafe_lambda=unsafe_lambda)
    return _mapping(path, config)


def _of_keras(path: Path, *, unsafe_lambda: bool) -> Mapping[str, Any]:
    _check_kind(path)
    keras_file.check_archive(path, checksums=path.stat().st_size < _QUICK_BYTES)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if CONFIG not in names:
            held = ", ".join(names[:3]) or "nothing"
            raise UsageProblemError(
                f"{path.name} is a zip archive, but not of a Keras model: it holds {held}, and no {CONFIG}"
            )
        if not any(name in names for name in _WEIGHTS):
            raise UsageProblemError(f"{path.name} has no {_WEIGHTS[0]}, so no weights; save the model again")
        if _WEIGHTS[0] in names:
            with archive.open(_WEIGHTS[0]) as member:
                if member.read(len(_HDF5)) != _HDF5:
                    raise UsageProblemError(f"{path.name} is damaged: its weights are no HDF5 file; save it again")
        try:
            with archive.open(CONFIG) as member:
                config = json.loads(member.read(_MOST_CONFIG_BYTES))
        except (ValueError, RecursionError) as error:
            raise UsageProblemError(f"{path.name} is damaged: its {CONFIG} is no JSON; save it again") from error
    found = _mapping(path, config)
    if not unsafe_lambda and _has_code(found):
        raise UsageProblemError(lambda_refusal(path))
    return found


def _check_kind(path: Path) -> None:
    """Refuse a file that is of another kind than its name says.

    Raises:
        UsageProblemError: it is.
    """
    if path.is_dir():
        raise UsageProblemError(f"{path.name} is a folder, not a .keras file, and has no {saved_model.GRAPH}")
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    if not start:
        raise UsageProblemError(f"{path.name} is empty; save or copy the file again")
    if start == _HDF5:
        raise UsageProblemError(
            f"{path.name} is an HDF5 file, as Keras 2 wrote; rename it to {path.with_suffix('.h5').name}"
        )


def _has_code(config: Any) -> bool:
    """Return whether a layer stores the code of a lambda: Keras 3 marks it by this class."""
    found = [config]
    while found:
        one = found.pop()
        if isinstance(one, Mapping):
            if one.get("class_name") == "__lambda__":
                return True
            found += one.values()
        elif isinstance(one, list):
            found += one
    return False


def _mapping(path: Path, config: Any) -> Mapping[str, Any]:
    if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str):
        raise UsageProblemError(f"{path.name} is damaged: its configuration names no model; save it again")
    return config


def check_saved_model(path: Path) -> None:
    """Check that the graph of a SavedModel is whole and that its variables are there.

    Raises:
        UsageProblemError: they are not, or the folder is of TensorFlow 1.
    """
    try:
        content = memoryview((path / saved_model.GRAPH).read_bytes())
        graphs = [part for number, part in wire.fields(content) if number == _META_GRAPHS]
        objects = [part for graph in graphs for number, part in wire.fields(_message(graph)) if number == _OBJECT_GRAPH]
    except (ValueError, OSError) as error:
        raise UsageProblemError(
            f"{path.name}/{saved_model.GRAPH} is damaged ({error}); save or copy the folder again"
        ) from error
    if len(graphs) != 1 or not any(len(_message(one)) for one in objects):
        raise UsageProblemError(saved_model.first_tensorflow(path))
    variables = path / saved_model.VARIABLES
    shards = sorted(variables.glob(f"{saved_model.VARIABLES}.data-*"))
    count = int(shards[0].name.rpartition("-of-")[2]) if shards and shards[0].name[-5:].isdigit() else 0
    if not (variables / f"{saved_model.VARIABLES}.index").is_file() or not shards or len(shards) != count:
        raise UsageProblemError(
            f"{path.name} lacks files of its folder {saved_model.VARIABLES}/; copy the whole folder again"
        )


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")  # noqa: TRY004 - the bytes are wrong, not our types
    return value

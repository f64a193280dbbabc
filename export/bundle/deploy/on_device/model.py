"""model.json: what a program on a device must know about the model files beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageProblemError

FILE, SCHEMA = "model.json", "zoo-export device 1"

Array = NDArray[Any]


@dataclass(frozen=True)
class Tensor:
    """An input or output of a file.

    Attributes:
        name: name in the Keras model.
        shape: with the batch of 1 first.
        dtype: numpy name of the stored type.
        scale: real = scale * (stored - zero_point); None if the numbers are real.
        zero_point: see `scale`. None together with a scale: real numbers that are multiples of it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None

    def stored(self, real: Array) -> Array:
        """Return real numbers as the file stores them: rounded half to even and clipped if quantized."""
        if self.scale is None or self.zero_point is None:
            return np.asarray(real, self.dtype)
        limits = np.iinfo(self.dtype)
        steps = np.rint(real.astype(np.float64) / self.scale) + self.zero_point
        clipped: Array = np.clip(steps, limits.min, limits.max).astype(self.dtype)
        return clipped

    def real(self, stored: Array) -> NDArray[np.float64]:
        """Return the real numbers that stored ones stand for."""
        if self.scale is None or self.zero_point is None:
            return stored.astype(np.float64)
        return (stored.astype(np.float64) - self.zero_point) * self.scale


@dataclass(frozen=True)
class ModelFile:
    """A model file.

    Attributes:
        path: of the file.
        precision: name of its precision, such as int8.
        is_dynamic: whether numbers are rounded as the file runs, which processors do differently.
        has_integer_activations: whether it computes with integers, which some processors round otherwise.
        is_decoder: whether it reads a text token by token and keeps a cache.
        takes_camera_bytes: whether the photo's input is its bytes.
        sha256: of its content at the export.
        inputs: in the order of the model.
        outputs: in the order of the model.
    """

    path: Path
    precision: str
    is_dynamic: bool
    has_integer_activations: bool
    is_decoder: bool
    takes_camera_bytes: bool
    sha256: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def check_content(self) -> None:
        """Compare the content with that of the export.

        Raises:
            UsageProblemError: it differs, or the file is missing.
        """
        check_content(self.path, self.sha256)


def check_content(path: Path, sha256: str) -> None:
    """Compare the content of a file with that of the export.

    Raises:
        UsageProblemError: it differs, or the file is missing.
    """
    if not path.is_file():
        raise UsageProblemError(f"{path.name} is missing; copy the whole folder again")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise UsageProblemError(f"{path.name} was changed or copied only in part; copy the folder again")


@dataclass(frozen=True)
class Model:
    """The model of a folder.

    Attributes:
        folder: the folder.
        title: full name of the model.
        task: what it does, such as classification; empty if unknown.
        meaning: of the outputs, for the code of the task; None if nothing is recorded.
        inputs: by name, what an input means: kind and, for a photo, its preprocessing.
        files: the model files.
        labels: names of the classes; empty if there are none.
    """

    folder: Path
    title: str
    task: str
    meaning: Mapping[str, Any] | None
    inputs: Mapping[str, Mapping[str, Any]]
    files: tuple[ModelFile, ...]
    labels: tuple[str, ...]

    @property
    def photo_input(self) -> str | None:
        """The name of the input that is a photo; None if there is none."""
        return next((name for name, one in self.inputs.items() if one["kind"] == "photo"), None)

    @property
    def hears_sounds(self) -> bool:
        """Whether its only input is a sound."""
        return [one["kind"] for one in self.inputs.values()] == ["sound"]


def load(folder: Path) -> Model:
    """Return the model of a folder.

    Raises:
        UsageProblemError: there is none, or it was written by another version.
    """
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if not isinstance(record, dict) or record.get("schema") == SCHEMA:
            return _model(folder, record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageProblemError(f"{folder / FILE} cannot be read ({reason}); copy the whole folder again") from None
    raise UsageProblemError(f"{folder / FILE} is not of {SCHEMA!r}, as its programs are; copy the folder again")


def positive(text: str) -> int:
    """Return a number from the command line.

    Raises:
        ValueError: it is not 1 or more.
    """
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _model(folder: Path, record: Any) -> Model:
    for name, digest in record["companions"].items():
        check_content(folder / _plain(name), digest)
    labels = folder / _plain(record["labels"]) if record["labels"] else None
    return Model(
        folder=folder,
        title=record["title"],
        task=record["task"],
        meaning=record["meaning"],
        inputs=record["inputs"],
        files=tuple(_file(folder, one) for one in record["files"]),
        labels=tuple(labels.read_text(encoding="utf-8").splitlines()) if labels else (),
    )


def _plain(name: str) -> str:
    """Return the name of a file in the folder; anything else is no such name."""
    if Path(name).name != name:
        raise ValueError(f"{name!r} is not the name of a file")
    return name


def _file(folder: Path, record: Mapping[str, Any]) -> ModelFile:
    inputs, outputs = (
        tuple(Tensor(**{**one, "shape": tuple(one["shape"])}) for one in record[key]) for key in ("inputs", "outputs")
    )
    return ModelFile(
        path=folder / _plain(record["file"]),
        precision=record["precision"],
        is_dynamic=record["is_dynamic"],
        has_integer_activations=record["has_integer_activations"],
        is_decoder=record["is_decoder"],
        takes_camera_bytes=record["takes_camera_bytes"],
        sha256=record["sha256"],
        inputs=inputs,
        outputs=outputs,
    )

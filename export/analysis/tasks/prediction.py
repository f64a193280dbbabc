"""Predictions: what the outputs of a model mean, for JSON, for the terminal and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from calibration.samples import Array
from export.model.tensor_spec import TensorSpec


@dataclass(frozen=True, kw_only=True)
class Described:
    """The outputs of a file as its manifest describes them.

    Attributes:
        file: name of the file, for messages.
        outputs: the outputs as the file declares them.
        photo_shape: (height, width, channels) of the photo that the model takes; None if it takes none.
        meaning: what the task recorded about the outputs, as plain data; None if nothing.
        inputs: what the file was run on, by name; empty before.
    """

    file: str
    outputs: tuple[TensorSpec, ...]
    photo_shape: tuple[int, ...] | None = None
    meaning: Mapping[str, Any] | None = None
    inputs: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a printed prediction.

    Attributes:
        share: probability, score or share of the area, between 0 and 1.
        title: name of the class or object.
        text: what is known about it beside the share; if empty, the share is drawn as a line.
    """

    share: float
    title: str
    text: str = ""


class Picture(Protocol):
    """A prediction as a picture."""

    def write(self, path: Path) -> None:
        """Write the picture.

        Raises:
            UsageProblemError: the picture does not fit into this kind of file, or the folder does not exist.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the outputs for one sample mean.

    Attributes:
        record: plain data for JSON.
        rows: lines for the terminal, in the order of importance.
        nothing: the line printed if there are no rows.
        picture: the prediction as a picture; None if it has none.
    """

    record: Mapping[str, Any]
    rows: tuple[Row, ...]
    nothing: str = ""
    picture: Picture | None = None

"""A .keras file that says what it is: how photos become its input, and what its answers mean.

Keras reads what it knows of the archive; our facts lie in it beside that, as plain data, and travel with the weights.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from zoo.architecture import Distribution
from zoo.detection.heads import Detection
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

_MEMBER = "zoo.json"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the file says of itself.

    Attributes:
        architecture: name in the zoo.
        title: of the network, and of what it was trained on.
        task: what it is for.
        preprocessing: how a photo becomes its input.
        labels: names of the classes, by index.
        drawn_inputs: inputs that are drawn at random, by name.
        detection: what a detector's outputs mean; None for what is none.
        history: records of the stages that have taken weights away from it: name, parameters, what was measured.
    """

    architecture: str
    title: str
    task: str
    preprocessing: Preprocessing
    labels: tuple[str, ...] = ()
    drawn_inputs: Mapping[str, Any] = field(default_factory=dict)
    detection: Detection | None = None
    history: tuple[Mapping[str, Any], ...] = ()

    def record(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "architecture": self.architecture,
            "title": self.title,
            "task": self.task,
            "preprocessing": self.preprocessing.record(),
            "labels": list(self.labels),
            "drawn_inputs": dict(self.drawn_inputs),
            "detection": self.detection.record() if self.detection else None,
            "history": [dict(record) for record in self.history],
        }


def save(model: keras.Model, path: Path, facts: Facts) -> None:
    """Write the model with its facts; `path` is replaced in one step."""
    beside = path.with_name(f".{path.stem}.part.keras")
    try:
        model.save(beside)
        with zipfile.ZipFile(beside, "a") as archive:
            archive.writestr(_MEMBER, json.dumps(facts.record(), indent=1))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path) -> Facts | None:
    """Return what the file says of itself; None if it says nothing.

    Raises:
        UsageProblemError: it says something that makes no sense.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if _MEMBER not in archive.namelist():
                return None
            with archive.open(_MEMBER) as member:
                content = member.read(_MOST_BYTES)  # what is longer ends within, and is no JSON
        return _facts(json.loads(content))
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
    ) as error:
        raise UsageProblemError(
            f"{path.name} holds a {_MEMBER} that makes no sense ({error}); remove it, or train the network again"
        ) from error


def _facts(record: Mapping[str, Any]) -> Facts:
    texts = [record[key] for key in ("architecture", "title", "task")] + record["labels"]
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise ValueError("a name is no text")
    numbers = [number for key in ("scale", "offset") for number in record["preprocessing"][key]]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise ValueError("a scale or an offset is no number")
    if not set(record["drawn_inputs"].values()) <= set(get_args(Distribution)):
        raise ValueError("an input is drawn in a way that is not known")
    detection = record["detection"]
    return Facts(
        architecture=record["architecture"],
        title=record["title"],
        task=record["task"],
        preprocessing=Preprocessing.from_record(record["preprocessing"]),
        labels=tuple(record["labels"]),
        drawn_inputs=dict(record["drawn_inputs"]),
        detection=Detection.from_record(detection) if detection else None,
        history=tuple(_told(told) for told in record.get("history", ())),
    )


def _told(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a stage's record, of names, numbers and short texts only."""
    known = {"name": record["name"], "parameters": dict(record["parameters"]), "measured": dict(record["measured"])}
    for value in (known["name"], *known["parameters"].values(), *known["measured"].values()):
        plain = isinstance(value, int | float) and math.isfinite(value)
        if not (plain or value is None or (isinstance(value, str) and value.isprintable())):
            raise ValueError("the record of a stage is no plain data")
    return known

"""Facts in a .keras file: how photos or texts become the inputs of its model, and what the outputs mean.

A .keras file is a zip archive. Keras ignores members that it does not know, so the facts are stored in one as JSON, and
the tokenizer of a network that reads text in another.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import inputs, trained_on
from zoo.detection.heads import Detection
from zoo.errors import UsageProblemError
from zoo.inputs import Input, Photo, Random, tokenizer_of
from zoo.language.tokenizer import FILE
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

_MEMBER, _FOLDER = "zoo.json", "zoo/"
_TRAINED_ON = "zoo/trained_on.sha256"
_MOST_BYTES = 1 << 20
_MOST_DIGEST_BYTES = 1 << 28
_MOST_TOKENIZER_BYTES = 1 << 26


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts about the model in a .keras file.

    Attributes:
        architecture: name in the zoo.
        title: of the network and of its training data.
        task: "classification", "detection", "segmentation", "generation", "text classification",
            "language modelling".
        inputs: what each input means, by name.
        labels: names of the classes, by index.
        detection: what a detector's outputs mean; None for other tasks.
        history: records of pruning, clustering and similar stages: name, parameters, measurements.
        companions: contents of the files that travel with the network, by name: its tokenizer.
        trained_on: digests of the photos or texts that the network was trained on (zoo/trained_on.py).
    """

    architecture: str
    title: str
    task: str
    inputs: Mapping[str, Input]
    labels: tuple[str, ...] = ()
    detection: Detection | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    companions: Mapping[str, bytes] = field(default_factory=dict)
    trained_on: frozenset[bytes] = frozenset()

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How a photo becomes the input; None if it takes no photo."""
        return inputs.preprocessing_of(self.inputs)

    def record(self) -> dict[str, Any]:
        """Return plain data, without the companions."""
        return {
            "architecture": self.architecture,
            "title": self.title,
            "task": self.task,
            "inputs": inputs.record(self.inputs),
            "labels": list(self.labels),
            "detection": self.detection.record() if self.detection else None,
            "history": [dict(record) for record in self.history],
        }


def save(model: keras.Model, path: Path, facts: Facts) -> None:
    """Write the model with its facts; `path` is replaced in one step."""
    unfinished = path.with_name(f".{path.stem}.part.keras")
    try:
        model.save(unfinished)
        with zipfile.ZipFile(unfinished, "a") as archive:
            archive.writestr(_MEMBER, json.dumps(facts.record(), indent=1))
            if facts.trained_on:
                archive.writestr(_TRAINED_ON, trained_on.packed(facts.trained_on))
            for name, content in facts.companions.items():
                archive.writestr(_FOLDER + name, content, zipfile.ZIP_DEFLATED)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: Path) -> Facts | None:
    """Return the facts in the file; None if it has none, or is not a .keras file.

    Raises:
        UsageProblemError: the facts are malformed.
    """
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if _MEMBER not in archive.namelist():
                return None
            with archive.open(_MEMBER) as member:
                content = member.read(_MOST_BYTES)  # anything longer is cut, and so is not JSON
            facts = _facts(json.loads(content))
            return replace(facts, companions=_companions(archive, facts), trained_on=_trained_on(archive))
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,  # an encrypted member, an unknown compression, or text that is nested too deeply
    ) as error:
        raise UsageProblemError(
            f"{path.name} holds a {_MEMBER} that makes no sense ({error}); remove it, or train the network again"
        ) from error


def _facts(record: Mapping[str, Any]) -> Facts:
    texts = [record[key] for key in ("architecture", "title", "task")] + record["labels"]
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise ValueError("a name is not printable text")
    records = _inputs(record)
    photos = [values for values in records.values() if values["kind"] == Photo.kind]
    numbers = [number for values in photos for key in ("scale", "offset") for number in values[key]]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise ValueError("a scale or an offset is not a finite number")
    detection = record["detection"]
    return Facts(
        architecture=record["architecture"],
        title=record["title"],
        task=record["task"],
        inputs=inputs.from_record(records),
        labels=tuple(record["labels"]),
        detection=Detection.from_record(detection) if detection else None,
        history=tuple(_stage(one) for one in record.get("history", ())),
    )


def _companions(archive: zipfile.ZipFile, facts: Facts) -> dict[str, bytes]:
    """Return the tokenizer that the inputs name, if they name one."""
    name = tokenizer_of(facts.inputs)
    if not name:
        return {}
    if name != FILE:  # The export writes a file of this name.
        raise ValueError(f"the tokenizer is not called {FILE}")
    with archive.open(_FOLDER + name) as member:
        content = member.read(_MOST_TOKENIZER_BYTES + 1)
    if len(content) > _MOST_TOKENIZER_BYTES:
        raise ValueError("the tokenizer is too large")
    return {name: content}


def _trained_on(archive: zipfile.ZipFile) -> frozenset[bytes]:
    """Return the digests of the training data; none if the file has none."""
    if _TRAINED_ON not in archive.namelist():
        return frozenset()
    with archive.open(_TRAINED_ON) as member:
        content = member.read(_MOST_DIGEST_BYTES + 1)
    if len(content) > _MOST_DIGEST_BYTES:
        raise ValueError("there are too many digests of the training data")
    return trained_on.unpacked(content)


def _inputs(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the records of the inputs; files of before there were contracts know a photo and random inputs."""
    if "inputs" in record:
        known: Mapping[str, Any] = record["inputs"]
        return known
    random = {name: {"kind": Random.kind, "distribution": how} for name, how in record["drawn_inputs"].items()}
    return {"image": {"kind": Photo.kind, **record["preprocessing"]}, **random}


def _stage(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a stage's record, of names, numbers and short texts only."""
    known = {"name": record["name"], "parameters": dict(record["parameters"]), "measured": dict(record["measured"])}
    for value in (known["name"], *known["parameters"].values(), *known["measured"].values()):
        plain = isinstance(value, int | float) and math.isfinite(value)
        if not (plain or value is None or (isinstance(value, str) and value.isprintable())):
            raise ValueError("the record of a stage is not plain data")
    return known

"""A device: model files of one precision, their description, golden data, and programs that run and check them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.bundle.deploy import golden_outputs
from export.bundle.deploy.on_device.model import FILE, SCHEMA
from export.bundle.deploy.target import README, Contents, Files, of_precision
from export.bundle.predict import PREFERRED
from export.bundle.read import Delivered, DeliveredFile, damage
from export.bundle.write import GOLDEN, LABELS
from export.formats import FORMATS, PRIMARY
from export.progress import Progress
from export.recipe import Io, Recipe
from export.runtime.decoding import writes_text
from zoo.errors import CheckFailedError, UsageProblemError


@dataclass(frozen=True, kw_only=True)
class DeviceModel:
    """What a device gets.

    Attributes:
        delivered: the folder of the export.
        sources: the model files, of one precision.
        decoders: names of those that read a text token by token and keep a cache.
        folder_name: name of the device's folder.
        licence: sentences about the licence of the weights.
    """

    delivered: Delivered
    sources: tuple[DeliveredFile, ...]
    decoders: frozenset[str]
    folder_name: str
    licence: str


def _no_libraries() -> None:
    """Fetch nothing."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device.

    Attributes:
        name: as typed after `--target`.
        title: for display.
        refuses: whether weights lie in a second file -> why such a file does not run there, and what does; empty if
            it runs.
        files: the programs for the device, by path in the folder.
        readme: what to install and to type, in Markdown.
        libraries: fetches what is copied into every folder.
        io: the type of inputs and outputs that suits it; None if all do.
    """

    name: str
    title: str
    refuses: Callable[[bool], str]
    files: Callable[[DeviceModel], Files]
    readme: Callable[[DeviceModel], str]
    libraries: Callable[[], None] = _no_libraries
    io: Io | None = None

    def refusal(self, recipe: Recipe) -> str:
        """Return why no file of a recipe would run there, and the nearest that would; empty if one may."""
        if recipe.allow_select_tf_ops and recipe.formats == (PRIMARY.name,):
            return "operators of TensorFlow run on no device here; leave out --allow-select-tf-ops, or --format"
        return ""

    def fetch(self) -> None:
        """Fetch what is copied into every folder.

        Raises:
            OutsideError: it cannot be fetched.
        """
        self.libraries()

    def contents(self, delivered: Delivered, precision: str | None, folder_name: str, progress: Progress) -> Contents:
        """Return the proven files of one precision that run on the device, with what they need there.

        Raises:
            UsageProblemError: there are none.
            CheckFailedError: a file differs from the exported one.
        """
        sources = tuple(self._choose(delivered, precision))
        progress.step("compute the golden outputs")
        model = DeviceModel(
            delivered=delivered,
            sources=sources,
            decoders=frozenset(file.path.name for file in sources if writes_text(file.path)),
            folder_name=folder_name,
            licence=licence(delivered),
        )
        golden = golden_outputs.content(delivered, sources, model.decoders)
        companions = {name: _undamaged(delivered, name) for name in _needed(delivered)}
        files: Files = {
            **{path.name: path for file in sources for path in (file.path, *map(file.path.with_name, file.data))},
            **companions,
            FILE: (json.dumps(_record(model, hashlib.sha256(golden).hexdigest()), indent=1) + "\n").encode(),
            GOLDEN: golden,
            **self.files(model),
            README: self.readme(model).encode(),
        }
        return Contents(sources=sources, files=files)

    def _choose(self, delivered: Delivered, precision: str | None) -> list[DeliveredFile]:
        proven = [file for file in delivered.files if not file.failures]
        if not proven:
            raise UsageProblemError(f"{delivered.folder} has no proven file; export the model again")
        reasons = [self.refuses(bool(file.data)) for file in proven]
        running = [file for file, reason in zip(proven, reasons, strict=True) if not reason]
        if not running:
            raise UsageProblemError(f"{self.title} runs no file of {delivered.folder}: {reasons[0]}")
        named = of_precision(delivered, running, precision, "file")
        preferred = [scheme for _, scheme in PREFERRED if any(file.scheme == scheme for file in named)]
        chosen = (preferred or [named[0].scheme])[0]
        return [file for file in named if file.scheme == chosen]


def _needed(delivered: Delivered) -> list[str]:
    """Return the names of the companions that a device needs: class names and tokenizer."""
    tokenizers = {one.get("tokenizer") for one in delivered.manifest["inputs"].values()}
    return [name for name in delivered.companions if name == LABELS or name in tokenizers]


def _undamaged(delivered: Delivered, name: str) -> Path:
    """Return the path of a companion whose content is that of the export.

    Raises:
        CheckFailedError: it is not.
    """
    path = delivered.folder / name
    if trouble := damage(path, delivered.companions[name]):
        raise CheckFailedError(f"{path}: {trouble}; see: zoo verify {delivered.folder}")
    return path


def _record(model: DeviceModel, golden_digest: str) -> Mapping[str, Any]:
    """Return the content of model.json."""
    delivered = model.delivered
    runtimes = [FORMATS[file.format].runtime for file in model.sources]
    return {
        "schema": SCHEMA,
        "name": delivered.name,
        "title": delivered.title,
        "task": delivered.task,
        "meaning": delivered.meaning,
        "trained": delivered.trained,
        "licence": model.licence,
        "inputs": delivered.manifest["inputs"],
        "texts": delivered.manifest.get("texts", {}),
        "labels": LABELS if LABELS in delivered.companions else None,
        "golden": GOLDEN,
        # golden.npz is another than that of the export: its digest is that of the file here.
        "companions": {**{name: delivered.companions[name] for name in _needed(delivered)}, GOLDEN: golden_digest},
        "files": [
            {
                "file": file.path.name,
                "format": file.format,
                "precision": file.scheme.name,
                "is_dynamic": file.scheme.is_dynamic,
                "has_integer_activations": file.scheme.needs_calibration,
                "is_decoder": file.path.name in model.decoders,
                "takes_camera_bytes": file.takes_camera_bytes,
                "sha256": file.sha256,
                "inputs": [asdict(spec) for spec in file.inputs],
                "outputs": [asdict(spec) for spec in file.outputs],
            }
            for file in model.sources
        ],
        "versions": {runtime: delivered.versions[runtime] for runtime in runtimes},
    }


def licence(delivered: Delivered) -> str:
    """Return what whoever ships the weights must know about their licence."""
    weights = delivered.manifest["weights"]
    if not delivered.trained:
        return f"The weights are UNTRAINED ({delivered.untrained_reason}): the predictions mean nothing."
    named = str(weights.get("licence") or "")
    if not named:
        return f"The licence of the weights is not known ({weights['source']}): ask whoever made them before you ship."
    return f"Licence of the weights: {named} ({weights['source']}).{_restriction(named)}"


# What the name of a licence contains -> what that means for whoever ships the weights.
_RESTRICTIONS = {
    r"agpl": "The AGPL obliges you to publish the source code of a program that uses them, also over a network.",
    r"non-?commercial|\bnc\b": "They may not be used commercially.",
    r"research": "They may be used for research only.",
}


def _restriction(licence: str) -> str:
    found = (words for pattern, words in _RESTRICTIONS.items() if re.search(pattern, licence, re.IGNORECASE))
    return "".join(f" **{words}**" for words in found)

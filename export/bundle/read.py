"""Reading what an export delivered. Folders travel: nothing in one is trusted before it is checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.bundle.write import LABELS, MANIFEST, SCHEMA
from export.formats import FORMATS
from export.model.tensor_spec import TensorSpec
from export.scheme import SCHEMES, Scheme
from zoo import inputs
from zoo.detection.heads import Detection
from zoo.errors import UsageProblemError
from zoo.inputs import Input
from zoo.preprocessing import Preprocessing

MAX_MANIFEST_BYTES = 50_000_000
MAX_LABELS_BYTES = 10_000_000
SUFFIXES = frozenset(file_format.suffix for file_format in FORMATS.values())


@dataclass(frozen=True, kw_only=True)
class DeliveredFile:
    """One model file, as its manifest describes it.

    Attributes:
        path: where it must lie.
        format: its name.
        precision: of its numbers.
        sha256: of its content.
        inputs: as the file declares them.
        outputs: likewise.
        takes_camera_bytes: whether the input is a photo's own bytes.
        raised: layers that are wider than the precision says: name -> width.
        failures: why it was no proven file when it was exported; empty if it was.
    """

    path: Path
    format: str
    scheme: Scheme
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    takes_camera_bytes: bool
    raised: Mapping[str, str]
    failures: tuple[str, ...]

    def damage(self) -> str:
        """Return how the file on disk differs from the one that was proven; empty if it does not."""
        return damage(self.path, self.sha256)


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The folder that one export wrote.

    Attributes:
        folder: where.
        name: of the model.
        title: for the reader.
        files: the model files, in the manifest's order.
        companions: sha256 of the other files, by name.
        inputs: what each input means, by name.
        detection: what the outputs of a detector mean; None for what is no detector.
        trained: False: accuracy says nothing.
        untrained_reason: why not.
        real: False: the proof saw noise only.
        versions: of what made the files.
        manifest: all of it.
    """

    folder: Path
    name: str
    title: str
    files: tuple[DeliveredFile, ...]
    companions: Mapping[str, str]
    inputs: Mapping[str, Input]
    detection: Detection | None
    trained: bool
    untrained_reason: str
    real: bool
    versions: Mapping[str, str | None]
    manifest: Mapping[str, Any]

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How photos become the input; None if the input is no photo."""
        return inputs.preprocessing_of(self.inputs)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; empty if the export had none."""
        path = self.folder / LABELS
        if not path.is_file() or path.stat().st_size > MAX_LABELS_BYTES:
            return ()
        return tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())

    def strangers(self) -> list[str]:
        """Return the model files in the folder that the manifest does not know."""
        known = {file.path.name for file in self.files}
        return sorted(path.name for path in self.folder.iterdir() if path.suffix in SUFFIXES and path.name not in known)


def read(folder: Path) -> Delivered:
    """Return what the manifest in `folder` says.

    Raises:
        UsageProblemError: no such folder, no export, or a manifest that cannot be understood.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise UsageProblemError(f"there is no folder {str(folder)!r}; type the folder that an export wrote")
    if not path.is_file():
        raise UsageProblemError(
            f"{str(folder)!r} is no export: it has no {MANIFEST}; type the folder that holds one, "
            "for example artifacts/mobilenet"
        )
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise UsageProblemError(f"{path} is too large for a manifest; export the model again")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise UsageProblemError(
                f"{path} has the schema {manifest['schema']!r}, this program reads {SCHEMA!r}; export the model again"
            )
        return _delivered(folder, manifest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageProblemError(
            f"{path} is damaged ({type(error).__name__}: {error}); export the model again"
        ) from error


def damage(path: Path, sha256: str) -> str:
    """Return how the file at `path` differs from the one of that digest; empty if it does not."""
    if not path.is_file():
        return "the file is missing"
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return "its sha256 is not the manifest's: it was changed or cut short after the export"
    return ""


def _delivered(folder: Path, manifest: Mapping[str, Any]) -> Delivered:
    """Return the manifest as typed data; whatever is missing or of another kind raises."""
    companions = {str(name): str(digest) for name, digest in manifest["companions"].items()}
    if odd := [name for name in companions if Path(name).name != name or Path(name).suffix in SUFFIXES]:
        raise ValueError(f"companions {odd}")
    meaning = manifest.get("detection")  # which older manifests do not have
    return Delivered(
        folder=folder,
        name=str(manifest["name"]),
        title=str(manifest["title"]),
        files=tuple(_file(folder, record) for record in manifest["files"]),
        companions=companions,
        inputs=inputs.from_record(manifest["inputs"]),
        detection=Detection.from_record(meaning) if meaning is not None else None,
        trained=bool(manifest["weights"]["trained"]),
        untrained_reason=str(manifest["weights"]["reason"]),
        real=bool(manifest["probe"]["real"]),
        versions={str(tool): version for tool, version in manifest["versions"].items()},
        manifest=manifest,
    )


def _file(folder: Path, record: Mapping[str, Any]) -> DeliveredFile:
    name = str(record["file"])
    file_format = FORMATS.get(record["format"])
    if file_format is None or Path(name).name != name or Path(name).suffix != file_format.suffix:
        raise ValueError(f"a file named {name!r} of the format {record['format']!r}")
    failed = [f"{check['id']} of {check['subject']}" for check in record["checks"] if not check["passed"]]
    return DeliveredFile(
        path=folder / name,
        format=file_format.name,
        scheme=SCHEMES[record["precision"]],
        sha256=str(record["sha256"]),
        inputs=tuple(TensorSpec.from_record(spec) for spec in record["inputs"]),
        outputs=tuple(TensorSpec.from_record(spec) for spec in record["outputs"]),
        takes_camera_bytes=bool(record["takes_camera_bytes"]),
        raised={str(layer): str(width) for layer, width in record.get("raised", {}).items()},
        failures=tuple(filter(None, [str(record["trouble"]), *failed])),
    )

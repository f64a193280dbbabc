"""Read the folder of an export; check its content before use, because the folder may come from anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.bundle.write import LABELS, MANIFEST, SCHEMA, SIGNATURE
from export.errors import ConversionError
from export.formats import FORMATS
from export.model.tensor_spec import TensorSpec
from export.runtime.file_content import DATA_SUFFIX
from export.scheme import SCHEMES, Scheme
from zoo import inputs
from zoo.errors import UsageProblemError
from zoo.inputs import Input
from zoo.language.text_rule import TextRule
from zoo.nearest_path import nearest
from zoo.preprocessing import Preprocessing

MAX_MANIFEST_BYTES = 50_000_000
MAX_LABELS_BYTES = 10_000_000
EARLIER_NAMES = {"stages": "passes", "detection": "meaning"}  # Names in older manifests -> present names.
SUFFIXES = frozenset(file_format.suffix for file_format in FORMATS.values())


@dataclass(frozen=True, kw_only=True)
class DeliveredFile:
    """One model file, as its manifest describes it.

    Attributes:
        path: the expected path.
        format: the name of the format.
        scheme: the precision.
        sha256: the digest of the content.
        data: the digests of the files with weights that it cannot hold, by their names in the folder.
        inputs: the inputs as the file declares them.
        outputs: the outputs as the file declares them.
        takes_camera_bytes: whether the input is the uint8 photo without normalisation.
        raised: layers in higher precision than `scheme`: name -> width.
        failures: the failed checks of the proof; empty if the file was proven.
    """

    path: Path
    format: str
    scheme: Scheme
    sha256: str
    data: Mapping[str, str]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    takes_camera_bytes: bool
    raised: Mapping[str, str]
    failures: tuple[str, ...]

    def damage(self) -> str:
        """Return how the file and its data on disk differ from the exported ones; empty if they do not."""
        return damage(self.path, self.sha256) or self._damage_of_data()

    def _damage_of_data(self) -> str:
        """Return what is wrong with the files of weights that an undamaged file refers to."""
        try:
            places = FORMATS[self.format].data_files(self.path)
        except ConversionError as error:
            return str(error)
        if strange := [place for place in places if place not in self.data]:
            return f"it reads weights from {', '.join(map(repr, strange))}, which the manifest does not list"
        found = {name: damage(self.path.with_name(name), digest) for name, digest in self.data.items()}
        return "; ".join(f"its weights in {name}: {trouble}" for name, trouble in found.items() if trouble)

    @property
    def size_bytes(self) -> int:
        """The size of the file and its data on disk, as far as they are there."""
        paths = (self.path, *map(self.path.with_name, self.data))
        return sum(path.stat().st_size for path in paths if path.is_file())


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The folder that one export wrote.

    Attributes:
        folder: path of the folder.
        name: name of the model.
        title: full title of the model.
        files: the model files, in the order of the manifest.
        companions: sha256 of the other files, by name.
        inputs: the meaning of each input, by name.
        texts: how texts become the numbers of an input that was text in the Keras model, by the input's name.
        task: name of the task; empty if unknown.
        meaning: what the task needs to know about the outputs, as plain data that only the task reads; None if nothing.
        trained: whether the weights are trained; if not, accuracy is meaningless.
        untrained_reason: why the weights are untrained.
        real: whether the proof used real inputs rather than noise.
        versions: versions of the tools that wrote the files.
        manifest: the complete manifest.
        content: the bytes of manifest.json.
    """

    folder: Path
    name: str
    title: str
    files: tuple[DeliveredFile, ...]
    companions: Mapping[str, str]
    inputs: Mapping[str, Input]
    texts: Mapping[str, TextRule]
    task: str
    meaning: Mapping[str, Any] | None
    trained: bool
    untrained_reason: str
    real: bool
    versions: Mapping[str, str | None]
    manifest: Mapping[str, Any]
    content: bytes

    @property
    def preprocessing(self) -> Preprocessing | None:
        """The preprocessing from photo to input; None if the input is not a photo."""
        return inputs.preprocessing_of(self.inputs)

    @property
    def photo_input(self) -> str | None:
        """The name of the input that photos become; None if no input is a photo."""
        return inputs.photo_input(self.inputs)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; empty if the export has none."""
        path = self.folder / LABELS
        if (
            LABELS not in self.companions
            or not path.is_file()
            or path.is_symlink()
            or path.stat().st_size > MAX_LABELS_BYTES
        ):
            return ()
        return tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())

    def strangers(self) -> list[str]:
        """Return the names in the folder that the manifest does not list."""
        of_files = (name for file in self.files for name in (file.path.name, *file.data))
        known = {MANIFEST, SIGNATURE, *self.companions, *of_files}
        return sorted(path.name for path in self.folder.iterdir() if path.name not in known)


def read(folder: Path) -> Delivered:
    """Return the content of an export's folder, as its manifest describes it.

    Raises:
        UsageProblemError: the folder is missing or not an export, or the manifest is damaged.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        how = nearest(folder) or "; type the folder that an export wrote"
        raise UsageProblemError(f"there is no folder {str(folder)!r}{how}")
    if not path.is_file():
        raise UsageProblemError(
            f"{str(folder)!r} is not an export: it has no {MANIFEST}; type the folder of an export, "
            "for example artifacts/mobilenet"
        )
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise UsageProblemError(f"{path} is too large for a manifest; export the model again")
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
        if manifest["schema"] != SCHEMA:
            raise UsageProblemError(
                f"{path} has the schema {manifest['schema']!r}, but {SCHEMA!r} is required; export the model again"
            )
        named = {EARLIER_NAMES.get(name, name): value for name, value in manifest.items()}
        return _delivered(folder, named, content)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UsageProblemError(
            f"{path} is damaged ({type(error).__name__}: {error}); export the model again"
        ) from error


def of_formats(delivered: Delivered, formats: Sequence[str]) -> tuple[DeliveredFile, ...]:
    """Return the files of these formats, or all files without formats.

    Raises:
        UsageProblemError: it has no such file.
    """
    files = tuple(file for file in delivered.files if not formats or file.format in formats)
    if formats and not files:
        known = ", ".join(dict.fromkeys(file.format for file in delivered.files))
        raise UsageProblemError(f"{delivered.folder} has no file of {', '.join(formats)}; it has {known}")
    return files


def damage(path: Path, sha256: str) -> str:
    """Return how the file at `path` differs from the one with the digest `sha256`; empty if it does not."""
    if not path.is_file():
        return "the file is missing" if not path.exists() else "it is not a regular file"
    if path.is_symlink():
        return "it is a link to another file"
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return "its sha256 differs from the manifest's: the file was changed or truncated after the export"
    return ""


def _delivered(folder: Path, manifest: Mapping[str, Any], content: bytes) -> Delivered:
    """Return the manifest as typed data; raise if a value is missing or has the wrong type."""
    companions = {str(name): str(digest) for name, digest in manifest["companions"].items()}
    if odd := [name for name in companions if Path(name).name != name or Path(name).suffix in SUFFIXES]:
        raise ValueError(f"companions {odd}")
    return Delivered(
        folder=folder,
        name=str(manifest["name"]),
        title=str(manifest["title"]),
        files=tuple(_file(folder, record) for record in manifest["files"]),
        companions=companions,
        inputs=inputs.from_record(manifest["inputs"]),
        texts={str(name): TextRule.from_record(one) for name, one in manifest.get("texts", {}).items()},
        task=str(manifest.get("task", "")),  # Older manifests name no task.
        meaning=manifest.get("meaning"),  # Older manifests describe the outputs of detectors only.
        trained=bool(manifest["weights"]["trained"]),
        untrained_reason=str(manifest["weights"]["reason"]),
        real=bool(manifest["probe"]["real"]),
        versions={str(tool): version for tool, version in manifest["versions"].items()},
        manifest=manifest,
        content=content,
    )


def _file(folder: Path, record: Mapping[str, Any]) -> DeliveredFile:
    name = str(record["file"])
    file_format = FORMATS.get(record["format"])
    if file_format is None or Path(name).name != name or Path(name).suffix != file_format.suffix:
        raise ValueError(f"a file named {name!r} of the format {record['format']!r}")
    data = {str(one): str(digest) for one, digest in record.get("data", {}).items()}  # Older manifests list none.
    if odd := sorted(data.keys() - {f"{name}{DATA_SUFFIX}"}):
        raise ValueError(f"weights of {name} in {odd}")
    failed = [f"{check['id']} of {check['subject']}" for check in record["checks"] if not check["passed"]]
    return DeliveredFile(
        path=folder / name,
        format=file_format.name,
        scheme=SCHEMES[record["precision"]],
        sha256=str(record["sha256"]),
        data=data,
        inputs=tuple(TensorSpec.from_record(spec) for spec in record["inputs"]),
        outputs=tuple(TensorSpec.from_record(spec) for spec in record["outputs"]),
        takes_camera_bytes=bool(record["takes_camera_bytes"]),
        raised={str(layer): str(width) for layer, width in record.get("raised", {}).items()},
        failures=tuple(filter(None, [str(record["trouble"]), *failed])),
    )

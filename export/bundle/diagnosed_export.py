"""The model and the samples to diagnose a file with, from the manifest of its export or from the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.samples import Samples
from calibration.store import Draw
from export.analysis.diagnosis.suggestions import Circumstances, refusal
from export.bundle import golden, read
from export.bundle.origins import recall
from export.bundle.read import Delivered, DeliveredFile
from export.bundle.write import GOLDEN, MANIFEST
from export.formats import PRIMARY
from export.model.loading.model_file import is_model_file
from export.model.subject import Subject
from export.quantization.samples import draw
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.errors import CheckFailedError, UsageProblemError

if TYPE_CHECKING:
    import keras

EXAMPLE = "--model mobilenet, or --model my_model.keras"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of `zoo inspect --layers`.

    Attributes:
        path: path of the file.
        model: a name of the zoo or a .keras file; None to read it from the manifest in the file's folder.
        samples: a folder of photos, an .npz or .npy; None for the samples of the export.
        imports: Python files that define custom layers, from the export.
        notes: what was not typed, but is known from the export on this machine.
    """

    path: Path
    model: str | None
    samples: str | None
    imports: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def delivered(self) -> tuple[Delivered, DeliveredFile] | None:
        """Return the export whose manifest lists the file; None if there is none."""
        if not (self.path.parent / MANIFEST).is_file():
            return None
        found = read.read(self.path.parent)
        file = next((file for file in found.files if file.path.name == self.path.name), None)
        return (found, file) if file is not None else None


def completed(request: Request) -> Request:
    """Return the request with the model and the samples of the export, if it was made on this machine.

    Raises:
        UsageProblemError: the model is known, but not there any more.
    """
    origin = recall(request.path)
    if origin is None:
        return request
    known, notes = request, list[str]()
    if request.model is None and is_model_file(origin.model):
        if not Path(origin.model).exists():
            raise UsageProblemError(
                f"{request.path.name} was converted from {origin.model}, which is not there any more: type --model "
                f"PATH/TO/{Path(origin.model).name}"
            )
        known = replace(known, model=origin.model, imports=origin.imports)
        notes.append(f"the model is {origin.model}, as in the export")
        notes += [f"{file} was run, because --import named it in the export" for file in origin.imports]
    if request.samples is None and origin.samples is not None and Path(origin.samples).exists():
        known = replace(known, samples=origin.samples)
        notes.append(f"the samples are {origin.samples}, as in the export")
    return replace(known, notes=tuple(notes))


def recipe(request: Request, export: Delivered | None) -> Recipe:
    """Return the recipe that builds the source model.

    Raises:
        UsageProblemError: the source model is unknown, or a pruned model, which is not stored.
    """
    recorded: Mapping[str, Any] = export.manifest["recipe"] if export is not None else {}
    if recorded.get("passes"):
        raise UsageProblemError(
            f"{request.path.name} was converted from a pruned model, which is not stored: diagnose it during the "
            "export, with zoo export ... --diagnose"
        )
    model = request.model or str(recorded.get("model", ""))
    if not model:
        raise UsageProblemError(
            f"{request.path.name} is not in the folder of an export, so its Keras model is unknown: type {EXAMPLE}"
        )
    if request.model is None and is_model_file(model):
        raise UsageProblemError(
            f"{request.path.name} was converted from {model}, whose folder is not recorded: type --model "
            f"PATH/TO/{model}"
        )
    same = request.model is None or request.model == recorded.get("model") or is_model_file(request.model)
    keys = ("seed", "calibration_count", "probe_count", "preprocessing")
    kept = {key: recorded[key] for key in keys if key in recorded}
    if same and not is_model_file(model):
        kept |= {key: recorded[key] for key in ("options", "weights") if key in recorded}
    return Recipe(model=model, schemes=(INT8,), calibration=request.samples, imports=request.imports, **kept)


def check_samples(request: Request) -> None:
    """Check that the source of the samples exists.

    Raises:
        UsageProblemError: the source does not exist.
    """
    if request.samples is not None and not Path(request.samples).expanduser().exists():
        raise UsageProblemError(
            f"--samples {request.samples!r} does not exist; type a folder of photos, an .npz or .npy"
        )


def check_weights(subject: Subject, export: Delivered | None) -> None:
    """Check that the model has the weights of the export.

    Raises:
        UsageProblemError: the weights differ.
    """
    known = export.manifest["weights"]["sha256"] if export is not None else None
    if known is not None and subject.weights.sha256 != known:
        raise UsageProblemError(
            f"the file does not have the weights {subject.weights.name} of {subject.title}; type --model with the "
            "model that was exported"
        )


def float_file(export: Delivered | None, model: keras.Model, work: Path, *, is_original: bool) -> Path:
    """Return the model's float file in the primary format: the export's if it is intact, else a new conversion."""
    for file in export.files if export is not None and is_original else ():
        if (file.format, file.scheme) == (PRIMARY.name, FLOAT32) and not file.damage():
            return file.path
    path = work / f"float32{PRIMARY.suffix}"
    path.write_bytes(PRIMARY.convert(model))
    return path


def repeated_draw(export: Delivered | None, subject: Subject, wanted: Recipe, work: Path) -> Draw | None:
    """Draw the samples of the export again; None if their source is not given or has changed."""
    is_own = export is not None and export.manifest["recipe"]["calibration"] is not None
    if is_own and wanted.calibration is None:
        return None
    repeated = draw(subject, wanted if is_own else replace(wanted, calibration=None), work)
    if export is None:
        return repeated
    known = [export.manifest[key]["sha256"] for key in ("calibration", "probe")]
    return repeated if known == [repeated.calibration.digest, repeated.probe.digest] else None


def samples(
    request: Request, export: Delivered | None, subject: Subject, wanted: Recipe, repeated: Draw | None, work: Path
) -> Samples:
    """Return the user's samples, else the samples of the proof, else the golden inputs of the folder.

    Raises:
        UsageProblemError: the source does not fit the model, or the golden inputs are damaged.
    """
    if request.samples is not None:
        return draw(subject, wanted, work).probe
    if repeated is not None:
        return repeated.probe
    assert export is not None  # Without an export, `repeated_draw` returns samples.
    try:
        return golden.read(export.folder / GOLDEN).samples(export.photo_input)
    except CheckFailedError as error:
        raise UsageProblemError(
            f"{export.folder / GOLDEN} cannot be used ({error}); type --samples with a folder or an .npz"
        ) from error


def circumstances(export: Delivered | None) -> Circumstances:
    """Return how the file was quantized, as far as its manifest records."""
    if export is None:
        return Circumstances()
    recorded = export.manifest["recipe"]
    passes: Any = export.manifest.get("passes", [])
    return Circumstances(
        reconstructed=any("skipped_because" not in record for record in passes if record.get("name") == "reconstruct"),
        refusal=refusal(passes) if recorded.get("reconstruct") else "",
        observer=str(recorded["observer"]),
        raised=tuple(recorded.get("raised", {})),
    )

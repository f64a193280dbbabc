"""What a file is compared with: the model and the samples that its export's folder names, or that the user does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.samples import Samples
from calibration.store import Draw
from export.analysis.diagnosis.suggestions import Circumstances, refusal
from export.bundle import golden, read
from export.bundle.read import Delivered, DeliveredFile
from export.bundle.write import GOLDEN, MANIFEST
from export.formats import PRIMARY
from export.model.subject import Subject, is_model_file
from export.quantization.samples import draw
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.errors import CheckFailedError, UsageProblemError

if TYPE_CHECKING:
    import keras

EXAMPLE = "--model mobilenet, or --model my_model.keras"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user typed.

    Attributes:
        path: of the file.
        model: a name of the zoo or a .keras file; None to take it from the manifest beside the file.
        samples: a folder of photos, an .npz or .npy; None for those of the export.
    """

    path: Path
    model: str | None
    samples: str | None

    def delivered(self) -> tuple[Delivered, DeliveredFile] | None:
        """Return the export that the file lies in, if there is one that knows it."""
        if not (self.path.parent / MANIFEST).is_file():
            return None
        found = read.read(self.path.parent)
        file = next((file for file in found.files if file.path.name == self.path.name), None)
        return (found, file) if file is not None else None


def recipe(request: Request, export: Delivered | None) -> Recipe:
    """Return how the model is made.

    Raises:
        UsageProblemError: nobody says which model it is.
    """
    told: Mapping[str, Any] = export.manifest["recipe"] if export is not None else {}
    if told.get("passes"):
        raise UsageProblemError(
            f"{request.path.name} was made of a pruned model, which is not kept: diagnose it where it is made, with "
            "zoo export ... --diagnose"
        )
    model = request.model or str(told.get("model", ""))
    if not model:
        raise UsageProblemError(
            f"{request.path.name} lies in no export's folder, and its layers are compared with the Keras model's: "
            f"type it, {EXAMPLE}"
        )
    if request.model is None and is_model_file(model):
        raise UsageProblemError(
            f"{request.path.name} was made of {model}, and the folder does not say where that is: type --model "
            f"PATH/TO/{model}"
        )
    same = request.model is None or request.model == told.get("model") or is_model_file(request.model)
    kept = {key: told[key] for key in ("seed", "calibration_count", "probe_count", "preprocessing") if key in told}
    if same and not is_model_file(model):
        kept |= {key: told[key] for key in ("options", "weights") if key in told}
    return Recipe(model=model, schemes=(INT8,), calibration=request.samples, **kept)


def check_samples(request: Request) -> None:
    """Refuse a source that is not there.

    Raises:
        UsageProblemError: see above.
    """
    if request.samples is not None and not Path(request.samples).expanduser().exists():
        raise UsageProblemError(f"--samples {request.samples!r}: there is no such folder, .npz or .npy")


def check_weights(subject: Subject, export: Delivered | None) -> None:
    """Refuse a model with other weights than those of the export.

    Raises:
        UsageProblemError: see above.
    """
    known = export.manifest["weights"]["sha256"] if export is not None else None
    if known is not None and subject.weights.sha256 != known:
        raise UsageProblemError(
            f"the file was made of other weights than {subject.weights.name} of {subject.title}; name the model "
            "that was exported with --model"
        )


def float_file(export: Delivered | None, model: keras.Model, work: Path, *, is_original: bool) -> Path:
    """Return the model's float file in the primary format: the export's, if it is whole, or one made anew."""
    for file in export.files if export is not None and is_original else ():
        if (file.format, file.scheme) == (PRIMARY.name, FLOAT32) and not file.damage():
            return file.path
    path = work / f"float32{PRIMARY.suffix}"
    path.write_bytes(PRIMARY.convert(model))
    return path


def drawn_again(export: Delivered | None, subject: Subject, wanted: Recipe, work: Path) -> Draw | None:
    """Return the samples of the export, drawn again; None where their source was not typed, or gives others now."""
    is_own = export is not None and export.manifest["recipe"]["calibration"] is not None
    if is_own and wanted.calibration is None:
        return None
    drawn = draw(subject, wanted if is_own else replace(wanted, calibration=None), work)
    if export is None:
        return drawn
    known = [export.manifest[key]["sha256"] for key in ("calibration", "probe")]
    return drawn if known == [drawn.calibration.digest, drawn.probe.digest] else None


def samples(
    request: Request, export: Delivered | None, subject: Subject, wanted: Recipe, drawn: Draw | None, work: Path
) -> Samples:
    """Return the user's samples, or those of the proof: drawn again, or else those that travel with the files.

    Raises:
        UsageProblemError: a source that cannot feed the model.
    """
    if request.samples is not None:
        return draw(subject, wanted, work).probe
    if drawn is not None:
        return drawn.probe
    assert export is not None  # without one they are drawn
    try:
        return golden.read(export.folder / GOLDEN).samples()
    except CheckFailedError as error:
        raise UsageProblemError(
            f"{export.folder / GOLDEN} cannot be used ({error}); type --samples FOLDER, or an .npz"
        ) from error


def circumstances(export: Delivered | None) -> Circumstances:
    """Return how the file was made, as far as its manifest says."""
    if export is None:
        return Circumstances()
    told = export.manifest["recipe"]
    stages: Any = export.manifest.get("stages", [])
    return Circumstances(
        reconstructed=any("skipped_because" not in stage for stage in stages if stage.get("name") == "reconstruct"),
        refusal=refusal(stages) if told.get("reconstruct") else "",
        observer=str(told["observer"]),
        raised=tuple(told.get("raised", {})),
    )

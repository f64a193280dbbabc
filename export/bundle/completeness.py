"""Check that a delivered folder holds everything that its manifest promises, so that nothing can be left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from export.analysis.tasks import TASKS
from export.analysis.tasks.prediction import Described
from export.bundle.golden import Golden, stored_count
from export.bundle.read import Delivered
from export.bundle.write import GOLDEN, LABELS, REPORT
from export.formats import FORMATS
from export.proof.check import CheckResult

# What a damaged record raises where its values are used.
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)


def reasons(find: Callable[..., Iterator[str]], *about: Any) -> Iterator[str]:
    """Yield the sentences of `find(*about)`; a record that cannot be used gives a sentence too."""
    try:
        yield from find(*about)
    except DAMAGED as error:
        yield f"the manifest is damaged ({type(error).__name__}: {error})"


def check(delivered: Delivered) -> tuple[CheckResult, ...]:
    """Check that files, companions and class names are present and listed, whatever their content."""
    missing = [*reasons(_files, delivered), *reasons(_companions, delivered), *reasons(_labels, delivered)]
    return results("completeness", "the folder", missing, "every promised file is listed")


def check_golden(delivered: Delivered, golden: Golden) -> tuple[CheckResult, ...]:
    """Check that the golden data cover every file, input and sample that they have to."""
    return results("completeness", GOLDEN, [*reasons(_golden, delivered, golden)], "its arrays cover every file")


def results(id: str, subject: str, wrong: Collection[str], good: str) -> tuple[CheckResult, ...]:
    """Return a failed result for each sentence in `wrong`, or one passed result with the sentence `good`."""
    if wrong:
        return tuple(CheckResult.stated(id, subject, reason, passed=False) for reason in wrong)
    return (CheckResult.stated(id, subject, good, passed=True),)


def _files(delivered: Delivered) -> Iterator[str]:
    recipe, name = delivered.manifest["recipe"], delivered.name
    if not delivered.files:
        yield "the manifest lists no model file; export the model again"
        return
    if len({file.path for file in delivered.files}) != len(delivered.files):
        yield "the manifest lists a model file twice"
    known = {(file["precision"], file["format"]) for file in _records(delivered.manifest)}
    for precision in recipe["precisions"]:
        for file_format in recipe["formats"] or FORMATS:
            if (precision, file_format) not in known:
                yield f"the recipe requests a .{file_format} in {precision}, which the manifest does not mention"
    for file in delivered.files:
        if str(file.scheme) not in recipe["precisions"]:
            yield f"{file.path.name} has the precision {file.scheme}, which the recipe does not request"
        if file.path.name != f"{name}-{file.scheme}{file.path.suffix}":
            yield f"{file.path.name} does not have the name of a {file.scheme} file of {name}"


def _companions(delivered: Delivered) -> Iterator[str]:
    for name in (GOLDEN, REPORT):
        if name not in delivered.companions:
            yield f"{name} is not among the companions in the manifest"
    if LABELS not in delivered.companions and (delivered.folder / LABELS).exists():
        yield f"{LABELS} is in the folder, but not among the companions in the manifest"
    if (count := delivered.manifest.get("class_names")) and LABELS not in delivered.companions:
        yield f"{LABELS} with the names of {count} classes is not among the companions in the manifest"


def _labels(delivered: Delivered) -> Iterator[str]:
    """Yield whether the number of class names differs from that of the classes."""
    task = TASKS.get(delivered.task)
    if not (delivered.labels and task and delivered.files):
        return
    file, preprocessing = delivered.files[0], delivered.preprocessing
    shape = preprocessing.shape if preprocessing is not None else None
    outputs = Described(file=file.path.name, outputs=file.outputs, photo_shape=shape, meaning=delivered.meaning)
    if task.reads(outputs) and (count := task.class_count(outputs)) != len(delivered.labels):
        yield f"{LABELS} has {len(delivered.labels)} names for {count} classes"


def _golden(delivered: Delivered, golden: Golden) -> Iterator[str]:
    probe = delivered.manifest["probe"]
    count = stored_count(golden.expected, golden.inputs if golden.photos is not None else {})
    usual = {min(count, probe["count"]), min(stored_count(golden.expected, {}), probe["count"])}
    if len(golden) not in usual:
        yield f"it has {len(golden)} samples; an export with a proof on {probe['count']} stores {count} or all"
    names = {Path(file.path).name for file in delivered.files}
    if extra := sorted(set(golden.stored) - names):
        yield f"it has outputs of {', '.join(extra)}, which the manifest does not list"
    for file in delivered.files:
        if file.inputs and {spec.name for spec in file.inputs} != set(golden.inputs):
            yield f"its inputs are {', '.join(golden.inputs)}, but {file.path.name} has other ones"
    from_photos = (delivered.manifest["calibration"] or {}).get("preprocessing") or probe["preprocessing"]
    if golden.photos is None and probe["preprocessing"]:
        yield "it has no photos, although the manifest says that the inputs were computed from photos"
    if delivered.preprocessing is None and (from_photos or golden.photos is not None):
        yield "the inputs were computed from photos, but the manifest has no preprocessing from photos to an input"
    if golden.photos is not None and not probe["preprocessing"]:
        yield "it has photos, although the manifest says that the inputs were not computed from photos"


def _records(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the records of all files, delivered or not."""
    yield from manifest["files"]
    yield from manifest["not_delivered"]

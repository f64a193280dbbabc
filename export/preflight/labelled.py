"""Whether the source of `--evaluate` exists and fits the task of the model, as far as its names say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from calibration import text_files
from calibration.boxed import find_boxed
from calibration.class_words import class_indices
from calibration.labelled import find_labelled
from calibration.labelled_rows import is_rows
from calibration.masks import find_masked
from calibration.sound_files import check_readable, named_sounds
from calibration.sources import arrays
from export.analysis.tasks import TASKS
from export.model.loading import saved_model
from export.preflight import array_values
from export.preflight.model_facts import ModelFacts
from export.preflight.places import described, expanded
from export.preflight.samples import ARRAYS, LINES, TABLE, check_module
from zoo import datasets
from zoo.audio import FrontEnd
from zoo.errors import UsageProblemError
from zoo.nearest_path import nearest

FLAG = "--evaluate"


def check_labelled(spec: str, facts: ModelFacts) -> None:
    """Check that a source of labelled data exists and can be one for the model.

    Raises:
        UsageProblemError: it is missing, empty, damaged, has other classes, or is of a kind that the task does not
            take.
    """
    path = expanded(spec)
    if not path.exists() and spec not in datasets.DATA_SETS:
        if ":" in spec and not spec.endswith((*ARRAYS, TABLE)):
            check_module(spec, FLAG)
            return
        if close := nearest(path):
            raise UsageProblemError(f"{FLAG} {spec!r} does not exist{close}")
        raise UsageProblemError(f"{FLAG} {spec!r} does not exist; {_takes(facts)}")
    if path.is_dir() and saved_model.is_saved_model(path):
        raise UsageProblemError(f"{FLAG} {spec!r} is the folder of a SavedModel, which is a model; {_takes(facts)}")
    if path.is_file() and not path.stat().st_size:
        raise UsageProblemError(f"{FLAG} {spec!r} is empty; {_takes(facts)}")
    if path.is_file() and path.suffix.lower() not in (*ARRAYS, TABLE, LINES):
        raise UsageProblemError(f"{FLAG} {spec!r} is {described(path)}; {_takes(facts)}")
    if path.is_file() and path.suffix.lower() in ARRAYS:
        arrays.check_readable(path)
    if path.is_file() and path.suffix.lower() == ".npz":
        array_values.check_labelled(path, facts)
    _check_kind(spec, path, facts)
    if path.exists() and not is_rows(spec):
        _check_task(spec, path, facts)


def _takes(facts: ModelFacts) -> str:
    """Return what to give for the model's task."""
    if facts.task in TASKS:
        return f"give {TASKS[facts.task].examples}"
    return "give FOLDER/CLASS/photo.jpg, a .csv or an .npz with inputs and targets"


def _check_kind(spec: str, path: Path, facts: ModelFacts) -> None:
    """Check that photos are given to a model of photos, and texts to one that reads text."""
    of_photos = path.is_dir() or (spec in datasets.DATA_SETS and not path.exists())
    of_texts = path.suffix.lower() == LINES or text_files.is_table(path)
    if facts.sound is not None and spec in datasets.DATA_SETS and not path.exists():
        raise UsageProblemError(f"{FLAG} {spec!r} {_are(path)}, but {facts.name} hears sounds; {_takes(facts)}")
    if facts.reads_text and of_photos:
        raise UsageProblemError(f"{FLAG} {spec!r} {_are(path)}, but {facts.name} reads text; {_takes(facts)}")
    if facts.is_photo and of_texts:
        raise UsageProblemError(f"{FLAG} {spec!r} holds texts, but {facts.name} takes photos; {_takes(facts)}")


def _are(path: Path) -> str:
    return f"is {described(path)}" if path.exists() else "are photos"


def _check_task(spec: str, path: Path, facts: ModelFacts) -> None:
    """List the labelled photos or read the labelled texts, if the task says which they are."""
    if facts.task in ("", "classification") and facts.is_photo and facts.classes:
        find_labelled(spec, classes=facts.classes, labels=facts.labels)
    elif facts.task == "detection" and facts.is_photo:
        _check_coco()
        find_boxed(spec, labels=facts.labels)
    elif facts.task == "segmentation" and facts.is_photo and facts.classes:
        find_masked(spec, classes=facts.classes)
    elif facts.sound is not None and path.is_dir():
        _check_sounds(path, facts.sound, facts)
    elif facts.task == "text classification" and path.suffix.lower() == TABLE:
        text_files.labelled(path)
    elif facts.reads_text and path.suffix.lower() == LINES:
        text_files.lines(path)


def _check_sounds(path: Path, front_end: FrontEnd, facts: ModelFacts) -> None:
    """Check that the sounds can be read and are of the model's classes."""
    named = named_sounds(path)
    check_readable([sound for sound, _ in named], front_end.rate, front_end.high_hz)
    if facts.classes:
        class_indices({word for _, word in named}, classes=facts.classes, labels=facts.labels)


def _check_coco() -> None:
    """Check that average precision can be computed, before any work."""
    if importlib.util.find_spec("pycocotools") is None:
        raise ModuleNotFoundError("No module named 'pycocotools'", name="pycocotools")

"""Check a training run in less than a second, before TensorFlow starts: the network, the data, options and the disk."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from calibration.masks import UNJUDGED, find_masked
from calibration.photo_file import SUFFIXES as PHOTOS
from calibration.sound_files import check_readable, sound_paths
from export.model.loading import saved_model
from export.model.loading.model_file import is_model_file
from export.model.output_kinds import SOUND_CLASSIFICATION
from export.preflight.model_facts import ModelFacts, facts_of, is_image
from export.preflight.places import described, expanded
from export.recipe import Recipe
from export.units import size_in_words
from training import distributing, tasks
from training.recipe import TrainingRecipe
from training.run_state import RunState
from training.tasks.labelled_photos import VALIDATION_FOLDERS
from training.tasks.sound_classification import GIVE
from zoo import datasets
from zoo.architecture import ARCHITECTURES
from zoo.audio.wave_file import SUFFIXES as SOUNDS
from zoo.errors import OutsideError, UsageProblemError
from zoo.inputs import tokenizer_of
from zoo.nearest_path import nearest

CLASSIFICATION, SEGMENTATION, CLASSIFIES_TEXTS = "classification", "segmentation", "text classification"
OF_TEXTS = (CLASSIFIES_TEXTS, "language modelling")
TEXTS = (".txt", ".csv")
_COPIES = 4  # of the weights that a run stores: the file, the best epoch, the last one, its optimizer


def check(recipe: TrainingRecipe, *, resume: bool = False, evaluate: bool = False) -> None:
    """Check what can be known about a run without building its network.

    Args:
        recipe: the run.
        resume: whether an interrupted run is continued.
        evaluate: whether the file is only evaluated.

    Raises:
        ZooError: the recipe cannot be followed, or the disk is full.
    """
    if evaluate and not is_model_file(recipe.model):
        raise UsageProblemError(
            "--evaluate takes a .keras file; evaluate a network of the zoo with "
            f"`zoo export {recipe.model} --evaluate FOLDER`"
        )
    facts = _facts(recipe)
    distributing.check_words(recipe.devices, recipe.batch)
    task = _task(recipe, facts)
    _check_place(recipe, task, facts)
    if task:
        _check_data(recipe, task, facts)
    if not evaluate:
        _check_out(recipe, facts)
    if resume:
        RunState.check_folder(recipe.run_folder)


def _facts(recipe: TrainingRecipe) -> ModelFacts:
    is_file = is_model_file(recipe.model)
    if is_file and recipe.weights not in (None, "random"):
        raise UsageProblemError(
            f"--set and --weights TAG apply only to networks of the zoo, not to {expanded(recipe.model).name}"
        )
    weights = None if is_file else recipe.weights
    return facts_of(
        Recipe(model=recipe.model, options=recipe.options, weights=weights, preprocessing=recipe.preprocessing)
    )


def _task(recipe: TrainingRecipe, facts: ModelFacts) -> str:
    """Return the task; empty if only the loaded model says it.

    Raises:
        UsageProblemError: no network can be trained for it, or a network of texts has no tokenizer.
    """
    architecture = ARCHITECTURES.get(recipe.model)
    task = facts.task
    if architecture is not None:
        task = tasks.find(CLASSIFIES_TEXTS if architecture.classifier else architecture.task, architecture.title).name
        if architecture.reads_text and not tokenizer_of(architecture.inputs(**architecture.settings({}))):
            raise UsageProblemError(
                f"{architecture.name} has no tokenizer here, which training on texts needs; choose gpt_small or "
                "stories15m"
            )
    if not task:
        stored = facts.stored
        if facts.contracts is None and facts.is_photo is False and stored is not None and is_image(stored.inputs):
            raise unknown_preprocessing(facts.name)
        return CLASSIFICATION if facts.is_photo else ""
    return tasks.find(task, facts.name).name


def unknown_preprocessing(title: str) -> UsageProblemError:
    """Return the error that a file does not say how photos become its input."""
    return UsageProblemError(
        f"{title} does not record its preprocessing; add --preprocessing, for example --preprocessing unit if its "
        "input is bytes / 255"
    )


def _check_place(recipe: TrainingRecipe, task: str, facts: ModelFacts) -> None:
    """Check that something that may be training data lies where `--data` says."""
    path = expanded(recipe.data)
    if recipe.data in datasets.DATA_SETS and not path.exists():
        return
    if not path.exists():
        if close := nearest(path):
            raise UsageProblemError(f"--data {recipe.data!r} does not exist{close}")
        return  # the task says what to give
    if saved_model.is_saved_model(path):
        raise UsageProblemError(
            f"--data {recipe.data!r} is the folder of a SavedModel, which is a model; {_takes(task)}"
        )
    if path.is_dir() and not any(path.iterdir()) and task not in OF_TEXTS:
        raise UsageProblemError(f"--data {recipe.data!r} is an empty folder; {_takes(task)}")
    if path.is_file() and not path.stat().st_size:
        raise UsageProblemError(f"--data {recipe.data!r} is empty; {_takes(task)}")
    if path.is_file() and path.suffix.lower() not in TEXTS:
        is_one = (path.suffix.lower() in PHOTOS and facts.is_photo) or (path.suffix.lower() in SOUNDS and facts.sound)
        how = "give its folder" if is_one else _takes(task)
        raise UsageProblemError(f"--data {recipe.data!r} is {described(path)}; {how}")


def _takes(task: str) -> str:
    if task == SOUND_CLASSIFICATION:
        return GIVE
    if task in OF_TEXTS:
        return "give a CSV with the columns text and class, or a .txt with one text per line"
    return f"give FOLDER/CLASS/photo.jpg, a CSV with file,class, or one of {', '.join(datasets.DATA_SETS)}"


def _check_data(recipe: TrainingRecipe, task: str, facts: ModelFacts) -> None:
    """List the data, without decoding photos; the classes of masks without names are read later."""
    found = tasks.find(task, facts.name)
    if found.what == "texts":
        check_for_texts(recipe)
    path = expanded(recipe.data)
    if found.takes_photos and path.is_file() and path.suffix.lower() == ".txt":
        raise UsageProblemError(f"--data {recipe.data!r} holds texts, but {facts.name} takes photos; {_takes(task)}")
    if task == SEGMENTATION and path.is_dir():
        find_masked(path, classes=UNJUDGED)
    elif facts.sound is not None:
        found.find(recipe)
        check_readable(sound_paths(path), facts.sound.rate, facts.sound.high_hz)
    elif recipe.data not in datasets.DATA_SETS or not found.takes_photos:
        found.find(recipe)


def check_for_texts(recipe: TrainingRecipe) -> None:
    """Refuse options that have a meaning only for photos.

    Raises:
        UsageProblemError: there is one.
    """
    if not recipe.augment:
        raise UsageProblemError("texts are not augmented; leave out --no-augment")
    if recipe.compression.requested:
        raise UsageProblemError(
            f"{recipe.model} reads text, for which --prune, --prune-channels, --cluster and --qat do not exist; leave "
            "them out"
        )


def _check_out(recipe: TrainingRecipe, facts: ModelFacts) -> None:
    """Check that the files of the run can be written.

    Raises:
        UsageProblemError: the folder is missing or not writable.
        OutsideError: the disk is full.
    """
    folder = recipe.out.expanduser().absolute().parent
    check_out_folder(recipe.out)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UsageProblemError(f"cannot write to {folder} ({error.strerror}); choose another --out") from error
    free, needed = shutil.disk_usage(folder).free, 4 * _COPIES * facts.weight_count
    if free < needed:
        raise OutsideError(
            f"the run needs about {size_in_words(needed)}, and the disk of {folder} has {size_in_words(free)} left; "
            "free some space, or choose --out on another disk"
        )


def has_validation(data: str) -> bool:
    """Return whether a folder of data has a part for validation."""
    path = expanded(data)
    return path.is_dir() and any((path / name).is_dir() for name in VALIDATION_FOLDERS)


def check_out_folder(out: Path) -> None:
    """Check that the folder of a file exists.

    Raises:
        UsageProblemError: it does not.
    """
    folder = out.absolute().parent
    if not folder.is_dir():
        raise UsageProblemError(
            f"the folder {folder} does not exist{nearest(folder) or '; create it'}, or choose another --out"
        )

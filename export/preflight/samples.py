"""Whether the source of `--calibration` exists and fits the model, as far as its names, shapes and kinds say."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from calibration import sound_files, text_files
from calibration.inputs import describe
from calibration.photo_file import BadPhotoError, read_photo
from calibration.sources import arrays
from calibration.sources.folder import image_paths
from calibration.sources.request import Request
from calibration.sources.synthetic import NAME as SYNTHETIC
from export.model.loading import saved_model
from export.model.loading.model_file import is_model_file
from export.preflight import array_values
from export.preflight.model_facts import ModelFacts
from export.preflight.places import described, expanded
from export.recipe import Recipe
from zoo import datasets
from zoo.errors import UsageProblemError, unknown
from zoo.inputs import Sound
from zoo.nearest_path import nearest

ARRAYS, TABLE, LINES = (".npz", ".npy"), ".csv", ".txt"
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def check_samples(spec: str, facts: ModelFacts, flag: str = "--calibration", drawn: int = 1) -> None:
    """Check that a source of samples exists and can be one for the model, of which `drawn` samples are taken.

    Raises:
        UsageProblemError: it is missing, empty, damaged or of a kind that the model does not take.
    """
    path = expanded(spec)
    if path.is_dir():
        _check_folder(path, facts, flag)
    elif path.exists():
        _check_file(path, facts, flag, drawn)
    elif spec in (SYNTHETIC, *datasets.DATA_SETS):
        if facts.sound is not None:
            raise UsageProblemError(f"{flag} {spec} are photos, but {facts.name} hears sounds; {_takes(facts)}")
        if facts.reads_text:
            raise UsageProblemError(f"{flag} {spec} are photos, but {facts.name} reads text; {_takes(facts)}")
    elif _FUNCTION.fullmatch(spec):
        check_module(spec, flag)
    else:
        raise _missing(spec, facts, flag)


def check_given(recipe: Recipe, facts: ModelFacts) -> None:
    """Check that a model for whose inputs no samples are built in, neither photos nor texts nor sounds, is given some.

    Raises:
        UsageProblemError: it is not.
    """
    has_source = recipe.calibration is not None or recipe.random_calibration or recipe.streaming
    has_sounds = any(isinstance(one, Sound) and one.samples for one in (facts.contracts or {}).values())
    if facts.sound is not None and not has_sounds and not has_source:
        raise UsageProblemError(
            f"{facts.name} hears sounds, and none are built in: give --calibration a folder of .wav files; or add "
            "--random-calibration (noise, good for checking sizes and speed only)"
        )
    needs_arrays = facts.contracts is None and facts.is_photo is False and facts.reads_text is False
    if has_source or not needs_arrays or not facts.specs or not is_model_file(recipe.model):
        return
    is_image = len(facts.specs) == 1 and all(len(spec.shape) == 3 for spec in facts.specs.values())
    if is_image:
        return  # its preprocessing may be given, or follow from its first layers
    raise UsageProblemError(
        "this model takes no photos, but the proof needs samples, even without --int8: give --calibration samples.npz "
        f"with these arrays: {describe(facts.specs)}; or add --random-calibration (noise, good for checking sizes and "
        "speed only)"
    )


def check_module(spec: str, flag: str) -> None:
    """Check that the module of `module:function` can be found from the current folder, without running it.

    Raises:
        UsageProblemError: it cannot.
    """
    name = spec.partition(":")[0].partition(".")[0]
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        found = False
    finally:
        sys.path.remove(str(Path.cwd()))
    if not found:
        how = nearest(Path(f"{name}.py").absolute()) or "; install it or change to its folder"
        raise UsageProblemError(f"{flag} {spec}: there is no module {name!r}{how}")


def _missing(spec: str, facts: ModelFacts, flag: str) -> UsageProblemError:
    path = expanded(spec)
    if close := nearest(path):
        return UsageProblemError(f"{flag} {spec!r} does not exist{close}")
    if not path.suffix and "/" not in spec:
        error = unknown("data set", spec, datasets.DATA_SETS)
        if "did you mean" in str(error):
            return UsageProblemError(f"{flag} {spec!r} does not exist; {str(error).partition('; ')[2]}")
    return UsageProblemError(f"{flag} {spec!r} does not exist; {_takes(facts)}")


def _takes(facts: ModelFacts) -> str:
    """Return what to give for the model."""
    if facts.reads_text:
        return "give a .txt with one text per line, or a .csv with a column text"
    if facts.is_photo:
        return f"give a folder of photos, an .npz, an .npy or one of {', '.join(datasets.DATA_SETS)}"
    if facts.sound is not None:
        return f"give a folder of .wav files, or an .npz with: {describe(facts.specs)}"
    if facts.specs:
        return f"give an .npz with: {describe(facts.specs)}"
    return "give a folder of photos, an .npz, an .npy, a .csv, a .txt of texts or a module:function"


def _check_folder(path: Path, facts: ModelFacts, flag: str) -> None:
    if saved_model.is_saved_model(path):
        raise UsageProblemError(f"{flag} {path} is the folder of a SavedModel, which is a model; {_takes(facts)}")
    if facts.reads_text:
        raise UsageProblemError(f"{flag} {path} is {described(path)}, but {facts.name} reads text; {_takes(facts)}")
    if facts.sound is not None:
        sound_files.check_readable(sound_files.sound_paths(path), facts.sound.rate, facts.sound.high_hz)
        return
    if facts.is_photo is False:
        if facts.stored is not None and len(facts.stored.inputs) == 1 and len(facts.stored.inputs[0].shape) == 3:
            how = "and its preprocessing is not known: add --preprocessing raw, unit, tf, caffe or torch, or "
        else:
            how = "which takes no photos: "
        raise UsageProblemError(f"{flag} {path} is {described(path)} for {facts.name}, {how}{_takes(facts)}")
    _check_photos(image_paths(path))


def _check_photos(paths: Sequence[Path]) -> None:
    """Check that one of the photos can be read.

    Raises:
        UsageProblemError: none of them can.
    """
    reasons = []
    for path in paths:
        try:
            read_photo(path)
        except BadPhotoError as error:
            reasons.append(str(error))
        else:
            return
    raise UsageProblemError(f"no photo in {paths[0].parent} can be read: {paths[0].name}: {reasons[0]}")


def _check_file(path: Path, facts: ModelFacts, flag: str, drawn: int) -> None:
    suffix = path.suffix.lower()
    if suffix not in (*ARRAYS, TABLE, LINES):
        one = f"{flag} {path} is {described(path)}"
        is_single = ("photo" in one and facts.is_photo) or ("sound" in one and facts.sound is not None)
        raise UsageProblemError(f"{one}; give its folder" if is_single else _other(one, facts))
    if not path.stat().st_size:
        raise UsageProblemError(f"{flag} {path} is empty; {_takes(facts)}")
    if suffix in ARRAYS:
        _check_arrays(path, facts, drawn)
    elif facts.is_photo and suffix == LINES:
        raise UsageProblemError(f"{flag} {path} holds texts, but {facts.name} takes photos; {_takes(facts)}")
    elif facts.is_photo and (text_files.is_table(path) or lists_photos(path)):
        held = "lists photos" if lists_photos(path) else "holds texts"
        raise UsageProblemError(f"{flag} {path} {held}, but {facts.name} takes photos; {_takes(facts)}")
    elif facts.reads_text and suffix == TABLE and lists_photos(path):
        raise UsageProblemError(f"{flag} {path} lists photos, but {facts.name} reads text; {_takes(facts)}")
    elif suffix == LINES and facts.reads_text:
        text_files.lines(path)


def _other(one: str, facts: ModelFacts) -> str:
    return f"{one}; {_takes(facts)}"


def lists_photos(path: Path) -> bool:
    """Return whether a .csv has a column of photo files."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return "file" in [cell.strip().strip('"').casefold() for cell in file.readline(1 << 16).split(",")]


def _check_arrays(path: Path, facts: ModelFacts, drawn: int) -> None:
    """Check that a file of arrays is whole, and that its names, shapes and values fit the model if they are known."""
    if inputs := array_values.known_inputs(facts):
        # Whether bytes need a preprocessing is decided when the model is loaded.
        specs = {name: replace(spec, dtype=_number(spec.dtype), takes_bytes=True) for name, spec in inputs.items()}
        contracts = facts.contracts or {}
        arrays.open_arrays(path, Request(inputs=specs, contracts=contracts, counts=(1, 1), seed=0))
        array_values.check_finite(path, specs, drawn)
        return
    arrays.check_readable(path)


def _number(dtype: str) -> str:
    return dtype if dtype.startswith(("int", "float")) else "float32"

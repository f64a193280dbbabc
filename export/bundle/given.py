"""What a delivered file is run on: photos, sounds, texts or arrays as the inputs of its model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration import random_inputs
from calibration.inputs import InputSpec, Texts, describe
from calibration.photo_file import BadPhotoError, read_photo
from calibration.samples import Samples
from calibration.sound_files import check_rate, cut
from calibration.sources.arrays import open_arrays
from calibration.sources.request import Request
from calibration.sources.texts import TextInputs
from export.bundle.read import Delivered, DeliveredFile, damage
from zoo import inputs
from zoo.audio.wave_file import BadSoundError, Wave, read_wave
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.language.text_rule import TextRule
from zoo.language.tokenizer import Tokenizer

SOUNDS = "sounds"  # the source of samples that are sounds
MAX_ROWS = 100_000
MAX_TOKENIZER_BYTES = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a file is run on.

    Attributes:
        samples: the inputs.
        names: the path of each photo or sound, each text, or the file and the number of each sample of an array.
        photo_sizes: width and height of each photo in pixels; empty for texts and arrays.
    """

    samples: Samples
    names: tuple[str, ...]
    photo_sizes: tuple[tuple[int, int], ...] = ()


def from_photos(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path]) -> Given:
    """Return photos as model inputs: resized, cropped and normalised as the manifest describes.

    Generated inputs such as noise use the seed 0, so that the same photos give the same outputs.

    Raises:
        UsageProblemError: the model does not take photos, or a photo cannot be read.
    """
    preprocessing = delivered.preprocessing
    generated = inputs.made_up(delivered.inputs)
    given = [spec for spec in file.inputs if spec.name not in generated]
    if preprocessing is None:
        raise UsageProblemError(
            f"the preprocessing of {delivered.name} is unknown: give an .npz with {describe(specs(file))}"
        )
    if [spec.name for spec in given] != [delivered.photo_input]:
        raise UsageProblemError(
            f"{file.path.name} takes other inputs beside a photo: give an .npz with {describe(specs(file))}"
        )
    if preprocessing.shape != given[0].shape[1:]:
        raise UsageProblemError(
            f"the manifest's preprocessing gives photos of {preprocessing.shape}, but {file.path.name} takes "
            f"{given[0].shape[1:]}; export the model again"
        )
    opened = (_photo(path) for path in photos)  # One at a time, because they may be large.
    pixels, sizes = zip(*((preprocessing.photo(photo), photo.size) for photo in opened), strict=True)
    stacked = np.stack(pixels)
    generator = np.random.default_rng(0)
    rows = [random_inputs.values(specs(file), generated, generator) for _ in photos]
    arrays = {given[0].name: preprocessing.normalise(stacked)}
    arrays |= {name: np.stack([row[name] for row in rows]) for name in generated}
    samples = Samples(inputs=arrays, photos=stacked, photo_input=given[0].name, source="photos", seed=0)
    return Given(samples=samples, names=tuple(map(str, photos)), photo_sizes=sizes)


def from_sounds(delivered: Delivered, file: DeliveredFile, paths: Sequence[Path]) -> Given:
    """Return sounds as model inputs: the features that the manifest describes.

    Raises:
        UsageProblemError: the manifest does not fit the file, or a sound cannot be read.
    """
    found = inputs.sound_of(delivered.inputs)
    assert found is not None  # the caller has looked
    name, front_end = found
    ((only, spec), *others) = specs(file).items()
    if others or only != name or math.prod(spec.shape) != math.prod(front_end.shape):
        raise UsageProblemError(
            f"the manifest's front end gives features of {front_end.shape}, but {file.path.name} takes "
            f"{describe(specs(file))}; export the model again"
        )
    waves = [_sound(path) for path in paths]
    for path, wave in zip(paths, waves, strict=True):
        check_rate(path, wave, front_end.rate, front_end.high_hz)
    rows = np.stack([front_end.features(wave).reshape(spec.shape) for wave in waves])
    longer = sum(len(wave.samples) * front_end.rate > (front_end.length + 1) * wave.rate for wave in waves)
    warnings = (cut(longer, front_end.length / front_end.rate),) if longer else ()
    samples = Samples(inputs={name: rows.astype(spec.dtype)}, source=SOUNDS, seed=0, warnings=warnings)
    return Given(samples=samples, names=tuple(map(str, paths)))


def from_arrays(delivered: Delivered, file: DeliveredFile, path: Path) -> Given:
    """Return all rows of an .npz or .npy.

    Raises:
        UsageProblemError: the file cannot be read, or its names, shapes or types do not fit the model.
    """
    wanted = {name: replace(spec, texts=_texts(delivered, name, spec)) for name, spec in specs(file).items()}
    request = Request(inputs=wanted, contracts=delivered.inputs, counts=(MAX_ROWS, 0), seed=0)
    stream = open_arrays(path, request)
    assert not isinstance(stream.samples, tuple)  # A tuple would be two sets; a file contains only one.
    rows = list(stream.samples)
    photos = np.stack([row.photo for row in rows if row.photo is not None]) if stream.photos else None
    arrays = {name: np.stack([row.inputs[name] for row in rows]) for name in request.inputs}
    photo = request.photo_input if stream.photos else None
    samples = Samples(inputs=arrays, photos=photos, photo_input=photo, source=stream.source, seed=0)
    return Given(samples=samples, names=tuple(f"{path}, sample {number}" for number in range(1, len(rows) + 1)))


def from_texts(delivered: Delivered, file: DeliveredFile, texts: Sequence[str]) -> Given:
    """Return texts as the tokens that the model reads, by the tokenizer in the folder.

    Raises:
        CheckFailedError: the tokenizer differs from the exported one.
        UsageProblemError: it is missing or no tokenizer, or a text is empty.
    """
    if not all(text.strip() for text in texts):
        raise UsageProblemError("a text is empty; type some words")
    request = Request(inputs=specs(file), contracts=delivered.inputs, counts=(len(texts), 0), seed=0)
    encoder = TextInputs(tokenizer(delivered), request)
    rows = [encoder.inputs(text) for text in texts]
    arrays = {key: np.stack([row[key] for row, _ in rows]) for key in request.inputs}
    cut = sum(is_cut for _, is_cut in rows)
    longer = (f"{cut} of {len(texts)} texts are longer than {encoder.length} tokens and were cut off",) if cut else ()
    samples = Samples(inputs=arrays, source="texts", seed=0, warnings=longer)
    return Given(samples=samples, names=tuple(texts))


def from_ruled_texts(delivered: Delivered, file: DeliveredFile, texts: Sequence[str]) -> Given:
    """Return texts as the numbers that the model reads, by the rule in the manifest and the words in the folder.

    Raises:
        CheckFailedError: the list of words differs from the exported one.
        UsageProblemError: the model takes other inputs, too, or no rule states what its layer does.
    """
    (name, *others), wanted = (spec.name for spec in file.inputs), specs(file)
    if others or name not in delivered.texts or delivered.texts[name].count > 1:
        raise UsageProblemError(f"{file.path.name} takes more than one text: give an .npz with {describe(wanted)}")
    rule = delivered.texts[name]
    if not rule.is_complete:
        raise UsageProblemError(f"{rule.in_words()}; give an .npz with {describe(wanted)}")
    values = _numbers(delivered, rule, wanted[name], np.array([[text] for text in texts], object))
    return Given(samples=Samples(inputs={name: values}, source="texts", seed=0), names=tuple(texts))


def _texts(delivered: Delivered, name: str, spec: InputSpec) -> Texts | None:
    """Return how texts become the numbers of an input; None if it takes numbers only."""
    rule = delivered.texts.get(name)
    if rule is None or not rule.is_complete:
        return None
    return Texts(shape=(rule.count,), numbers=partial(_numbers, delivered, rule, spec))


def _numbers(delivered: Delivered, rule: TextRule, spec: InputSpec, texts: NDArray[Any]) -> Any:
    """Return the numbers (N, ...) of texts (N, ...).

    Raises:
        CheckFailedError: the list of words differs from the exported one.
        UsageProblemError: a text has a word that the list lacks, and unknown words have no number.
    """
    if rule.length != math.prod(spec.shape):
        raise UsageProblemError(f"the manifest's rule for texts does not fit {spec}; export the model again")
    path = delivered.folder / rule.vocabulary
    if trouble := damage(path, delivered.companions.get(rule.vocabulary, "")):
        raise CheckFailedError(f"{path}: {trouble}; see: zoo verify {delivered.folder}")
    words = path.read_bytes().decode().split("\n")[:-1]
    samples = [[str(text) for text in sample.ravel()] for sample in texts]
    try:
        found = rule.numbers(samples, words)
    except LookupError as error:
        raise UsageProblemError(f"a text cannot be read: {error.args[0]}") from error
    return found.reshape(-1, *spec.shape).astype(spec.dtype)


def tokenizer(delivered: Delivered) -> Tokenizer:
    """Return the tokenizer in the folder.

    Raises:
        CheckFailedError: it differs from the exported one.
        UsageProblemError: it is missing or no tokenizer.
    """
    name = inputs.tokenizer_of(delivered.inputs)
    path = delivered.folder / name
    if not name:
        raise UsageProblemError(f"{delivered.name} was exported without a tokenizer; give an .npz of tokens")
    if trouble := damage(path, delivered.companions.get(name, "")):
        raise CheckFailedError(f"{path}: {trouble}; see: zoo verify {delivered.folder}")
    if path.stat().st_size > MAX_TOKENIZER_BYTES:
        raise UsageProblemError(f"{path} is too large for a tokenizer; export the model again")
    return Tokenizer(path.read_bytes(), name)


def specs(file: DeliveredFile) -> dict[str, InputSpec]:
    """Return the inputs of the model, in float32 where the file takes quantized values."""
    return {
        spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype if spec.scale is None else "float32")
        for spec in file.inputs
    }


def _sound(path: Path) -> Wave:
    if path.is_dir():
        raise UsageProblemError(f"{str(path)!r} is a folder; type sounds, for example {path}/*.wav")
    if not path.exists():
        raise UsageProblemError(f"there is no sound {str(path)!r}; type the path of a .wav file")
    try:
        return read_wave(path)
    except BadSoundError as error:
        raise UsageProblemError(f"{str(path)!r} cannot be read as a sound: {error}") from error


def _photo(path: Path) -> Any:
    if path.is_dir():
        raise UsageProblemError(f"{str(path)!r} is a folder; type photos, for example {path}/*.jpg")
    if not path.exists():
        raise UsageProblemError(f"there is no photo {str(path)!r}; type the path of a photo")
    try:
        return read_photo(path)
    except BadPhotoError as error:
        raise UsageProblemError(f"{str(path)!r} cannot be read as a photo: {error}") from error

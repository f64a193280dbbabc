"""Photos, sounds, texts and generated numbers as the stored inputs of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.photo_file import BadPhotoError, read_photo
from zoo.audio.front_end import FrontEnd
from zoo.audio.wave_file import BadSoundError, read_wave
from zoo.errors import UsageProblemError
from zoo.preprocessing.photo import Preprocessing

from .model import Array, Model, ModelFile
from .texts import tokenizer_of

if TYPE_CHECKING:
    from PIL.Image import Image


def from_photo(model: Model, file: ModelFile, photo: Image) -> dict[str, Array]:
    """Return a photo as the inputs of a file, as the export prepared its photos.

    Raises:
        UsageProblemError: the model takes no photo, or other inputs beside it.
    """
    name = model.photo_input
    if name is None or "scale" not in model.inputs[name]:
        raise UsageProblemError(f"{model.title} takes no photo; see golden.npz for its inputs")
    record = {key: value for key, value in model.inputs[name].items() if key != "kind"}
    preprocessing = Preprocessing.from_record(record)
    pixels = preprocessing.photo(photo)[None]
    inputs = {}
    for tensor in file.inputs:
        if tensor.name != name:
            inputs[tensor.name] = tensor.stored(_generated(model, tensor.name, tensor.shape))
        elif file.takes_camera_bytes and tensor.dtype == "uint8":
            inputs[name] = np.ascontiguousarray(pixels)
        else:
            inputs[name] = tensor.stored(preprocessing.normalise(pixels))
    return inputs


def _generated(model: Model, name: str, shape: tuple[int, ...]) -> Array:
    kind = model.inputs[name]["kind"]
    if kind == "random":
        return np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    if kind == "zeros":
        return np.zeros(shape, np.float32)
    raise UsageProblemError(f"{model.title} takes {name!r} beside a photo; see golden.npz")


def from_sound(model: Model, file: ModelFile, path: Path) -> dict[str, Array]:
    """Return a .wav file as the inputs of a file, as the export prepared its sounds.

    Raises:
        UsageProblemError: it cannot be read.
    """
    ((name, record),) = model.inputs.items()
    front_end = FrontEnd.from_record({key: value for key, value in record.items() if key not in ("kind", "samples")})
    (tensor,) = file.inputs
    try:
        features = front_end.features(read_wave(path))
    except BadSoundError as error:
        raise UsageProblemError(f"{path} cannot be read as a sound: {error}") from error
    return {name: tensor.stored(features.reshape(tensor.shape))}


def from_text(model: Model, file: ModelFile, text: str) -> dict[str, Array]:
    """Return a text as the inputs of a file, by the tokenizer in the folder.

    Raises:
        UsageProblemError: the model reads no text, or the library for its tokenizer is missing.
    """
    encoded = tokenizer_of(model).encode(text, file.inputs[0].shape[1])
    parts: Mapping[str, Any] = {
        "tokens": encoded.ids,
        "token mask": encoded.mask,
        "token segments": encoded.segments,
    }
    kinds = {one.name: model.inputs[one.name]["kind"] for one in file.inputs}
    if strange := [name for name, kind in kinds.items() if kind not in parts]:
        raise UsageProblemError(f"{model.title} takes {strange[0]!r} beside a text; see golden.npz")
    return {one.name: one.stored(parts[kinds[one.name]][None]) for one in file.inputs}


def open_photo(path: Path) -> Image:
    """Return a photo upright.

    Raises:
        UsageProblemError: it cannot be read.
    """
    try:
        return read_photo(path)
    except BadPhotoError as error:
        raise UsageProblemError(f"{path} cannot be read as a photo: {error}") from error

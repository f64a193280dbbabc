"""Samples from a folder of .wav files; each file goes to one set only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np

from calibration.inputs import Sample, describe
from calibration.sound_files import left_out, sound_paths
from calibration.sound_rows import SoundRows
from calibration.sources import features
from calibration.sources.request import Request, Stream
from zoo.errors import UsageProblemError
from zoo.inputs import Sound, sound_of


def takes_sounds(request: Request) -> bool:
    """Return whether a sound is a whole sample of the model."""
    return sound_of(request.contracts) is not None


def open_folder(folder: Path, request: Request) -> Stream:
    """Return the sounds of `folder` and its subfolders, in an order determined by the seed.

    Raises:
        UsageProblemError: the folder has none.
    """
    found = sound_of(request.contracts)
    assert found is not None  # `takes_sounds` says so
    name, front_end = found
    paths = sound_paths(folder)
    order = np.random.default_rng(request.seed).permutation(len(paths))
    rows = SoundRows(paths=[paths[index] for index in order], front_end=front_end)
    stream = Stream(source=f"folder {folder.name}, {len(paths)} sounds", samples=iter(()), photos=False)
    stream.samples = _samples(name, rows, request, stream, left_out(folder))
    return stream


def open_builtin(request: Request) -> Stream:
    """Return the built-in samples of the model, if it has any.

    Raises:
        UsageProblemError: it has none.
    """
    (contract,) = request.contracts.values()
    if cast("Sound", contract).samples:
        return features.open_features(request)
    raise UsageProblemError(
        f"this model hears sounds, and none are built in: give --calibration a folder of .wav files, or an .npz with: "
        f"{describe(request.inputs)}"
    )


def _samples(name: str, rows: SoundRows, request: Request, stream: Stream, notes: tuple[str, ...]) -> Iterator[Sample]:
    spec = request.inputs[name]
    stream.warnings[:] = notes
    for _, values in rows.read(spec.shape):
        stream.warnings[:] = [*notes, *rows.warnings]
        yield Sample(inputs={name: values.astype(spec.dtype)})
    stream.warnings[:] = [*notes, *rows.warnings]

"""Built-in samples of networks that read features: spoken words and the spectra of machines, as their numbers.

`python -m benchmarks features` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import numpy as np

from calibration.inputs import Sample
from calibration.samples import Array
from calibration.sources.request import Request, Stream
from zoo.errors import OutsideError
from zoo.inputs import Features, Sound

FOLDER = Path(__file__).parents[1] / "features"
# Where they come from, by name.
SOURCES: Mapping[str, str] = {
    "keywords": "words that espeak-ng spoke",
    "wake_word": "words that espeak-ng spoke",
    "toy_car": "spectra that the trained autoencoder made",
}


def open_features(request: Request) -> Stream:
    """Return the built-in samples of the only input, in an order that follows from the seed."""
    ((name, contract),) = request.contracts.items()
    samples = cast("Features | Sound", contract).samples
    rows = read(samples).astype(request.inputs[name].dtype)
    order = np.random.default_rng(request.seed).permutation(len(rows))
    return Stream(source=SOURCES[samples], samples=_samples(name, rows, order), photos=False)


def read(samples: str) -> Array:
    """Return the built-in samples of that name, float16 (N, ...).

    Raises:
        OutsideError: they are not installed.
    """
    path = FOLDER / f"{samples}.npz"
    if not path.is_file():
        raise OutsideError(
            f"the built-in samples {path.name} are missing: install zoo-export again with `pip install "
            "--force-reinstall zoo-export`, or give --calibration an .npz of your own"
        )
    with np.load(path) as stored:
        features: Array = stored["features"]
    return features


def _samples(name: str, rows: Array, order: Array) -> Iterator[Sample]:
    for index in order:
        yield Sample(inputs={name: rows[index]})

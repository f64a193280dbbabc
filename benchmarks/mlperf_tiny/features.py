"""`python -m benchmarks features`: make the built-in samples of networks that read features, in calibration/features.

Needs espeak-ng, and the weights of the autoencoder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.mlperf_tiny import spoken, toy_cars
from calibration.sources.features import FOLDER

# Steps of the stored numbers: much finer than those of 8 bits, and so coarse that the files compress.
STEPS = {"keywords": 1 / 8, "wake_word": 1 / 512, "toy_car": 1 / 8}


def main(arguments: Sequence[str]) -> int:
    """Write the files and print their sizes."""
    argparse.ArgumentParser(prog="python -m benchmarks features", description=__doc__).parse_args(arguments)
    made = {
        "keywords": spoken.keywords(0, per_class=15)[0],
        "wake_word": spoken.wake_word(0, per_class=40)[0],
        "toy_car": toy_cars.spectra(0, count=164),
    }
    for name, values in made.items():
        path = FOLDER / f"{name}.npz"
        rounded = np.rint(values / STEPS[name]) * STEPS[name]
        np.savez_compressed(path, features=rounded.astype(np.float16))
        print(f"{path.name}: {len(values)} samples, {path.stat().st_size} bytes")
    return 0

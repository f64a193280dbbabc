"""Write fashion_mnist_500.npz, the quick tests' photos: python tests/data/make_fashion_mnist_500.py [FOLDER].

The first 50 test images and the first 16 training images of each class, in the order of the data set, left as
they are in the middle of a black 32 x 32 frame.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from zoo import datasets, lenet
from zoo.pretraining.classification import place


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    arrays = {}
    for split, prefix, count in (("test", "", 50), ("train", "calibration_", 16)):
        images, labels = datasets.load("fashion_mnist", split, folder)
        chosen = np.sort(np.concatenate([np.flatnonzero(labels == kind)[:count] for kind in range(10)]))
        arrays[f"{prefix}photos"] = place(images[chosen, ..., 0], lenet.preprocess(), pad=True)
        arrays[f"{prefix}labels"] = labels[chosen]
    np.savez_compressed(Path(__file__).with_name("fashion_mnist_500.npz"), **arrays)


if __name__ == "__main__":
    main()

"""`python -m benchmarks.peers.fashion_photos FOLDER`: labelled photos for LeNet-5, as `--photos` takes them.

The 500 test images of Fashion-MNIST that the project's tests use; LeNet-5 was not trained on them.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SOURCE = Path(__file__).parents[2] / "tests" / "data" / "fashion_mnist_500.npz"


def write(folder: Path) -> None:
    """Write labels.csv and images/."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with np.load(SOURCE) as arrays, (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "class_index"])
        for index, (photo, label) in enumerate(zip(arrays["photos"], arrays["labels"], strict=True)):
            Image.fromarray(photo[:, :, 0]).save(folder / "images" / f"{index:03}.png")
            writer.writerow([f"{index:03}.png", label])


if __name__ == "__main__":
    write(Path(sys.argv[1]))

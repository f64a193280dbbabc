from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import class_names, own_file, weights

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
KINDS = tuple(map(str, range(10)))


@pytest.fixture(scope="session")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty photos of each of three classes of Fashion-MNIST, in a folder for each class."""
    folder = tmp_path_factory.mktemp("data") / "clothes"
    names = class_names.read("fashion_mnist")
    with np.load(FASHION) as arrays:
        for index, (photo, label) in enumerate(zip(arrays["photos"], arrays["labels"], strict=True)):
            if label in (1, 5, 8):
                kind = folder / names[label].replace("/", "_")
                kind.mkdir(parents=True, exist_ok=True)
                Image.fromarray(photo[..., 0]).save(kind / f"{index:03}.png")
    return folder


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All ten classes of Fashion-MNIST, by number: 160 training, 100 validation and 100 test photos."""
    folder = tmp_path_factory.mktemp("data") / "kinds"
    with np.load(FASHION) as arrays:
        parts = {
            "train": (arrays["calibration_photos"], arrays["calibration_labels"]),
            "validation": (arrays["photos"][::5], arrays["labels"][::5]),
            "test": (arrays["photos"][1::5], arrays["labels"][1::5]),
        }
    for part, (photos, labels) in parts.items():
        for index, (photo, label) in enumerate(zip(photos, labels, strict=True)):
            kind = folder / part / KINDS[label]
            kind.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo[..., 0]).save(kind / f"{index:03}.png")
    return folder


@pytest.fixture(scope="session")
def lenet5_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .keras file of the pretrained LeNet-5, as `zoo train` writes it for `kinds`."""
    architecture = zoo.find("lenet5")
    model = architecture.build()
    assert weights.load(model, architecture).trained
    return saved(model, tmp_path_factory.mktemp("lenet5_file") / "lenet5_file.keras")


def saved(model, path: Path, labels: tuple[str, ...] = KINDS) -> Path:
    """Save a network for Fashion-MNIST with its facts."""
    facts = own_file.Facts(
        architecture="mine",
        title="Mine, trained on clothes",
        task="classification",
        inputs=zoo.find("lenet5").inputs(**zoo.find("lenet5").settings({})),
        labels=labels,
    )
    own_file.save(model, path, facts)
    return path


def silent(*_progress: object) -> None:
    """Ignore progress reports."""

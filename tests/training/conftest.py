from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo import class_names

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"


@pytest.fixture(scope="session")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty photos of each of three kinds of clothes, a folder for each kind."""
    folder = tmp_path_factory.mktemp("data") / "clothes"
    names = class_names.read("fashion_mnist")
    with np.load(FASHION) as arrays:
        for index, (photo, label) in enumerate(zip(arrays["photos"], arrays["labels"], strict=True)):
            if label in (1, 5, 8):
                kind = folder / names[label].replace("/", "_")
                kind.mkdir(parents=True, exist_ok=True)
                Image.fromarray(photo[..., 0]).save(kind / f"{index:03}.png")
    return folder

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calibration.inputs import InputSpec
from calibration.sources import draw
from calibration.store import Draw
from zoo.inputs import Photo
from zoo.preprocessing import Preprocessing

SIDE = 16


@pytest.fixture
def preprocessing() -> Preprocessing:
    return Preprocessing(height=SIDE, width=SIDE, scale=(1 / 127.5,), offset=(-1.0,))


@pytest.fixture
def inputs() -> dict[str, InputSpec]:
    return {"image": InputSpec(shape=(SIDE, SIDE, 3))}


@pytest.fixture
def two_inputs() -> dict[str, InputSpec]:
    return {"tokens": InputSpec(shape=(5,), dtype="int32"), "mask": InputSpec(shape=(5,))}


@pytest.fixture
def pull(tmp_path: Path, inputs: dict[str, InputSpec], preprocessing: Preprocessing) -> Callable[..., Draw]:
    """Call `draw` with small counts and default arguments, which a test can override."""

    def call(spec: Path | str | None, **changes: Any) -> Draw:
        settings = {
            "inputs": inputs,
            "contracts": {"image": Photo(preprocessing=preprocessing)},
            "calibration_count": 6,
            "probe_count": 4,
            "seed": 0,
            "work": tmp_path / "work",
        }
        return draw(None if spec is None else str(spec), **(settings | changes))

    return call


@pytest.fixture
def make_photos(tmp_path: Path) -> Callable[..., Path]:
    """Write noise photos and return their folder."""

    def call(count: int, folder: str = "photos", suffix: str = ".png", seed: int = 0) -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(seed)
        for index in range(count):
            pixels = generator.integers(0, 256, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(place / f"{index:03}{suffix}")
        return place

    return call

"""Exports of small trained networks, and photos for them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.bundle import serve
from export.cli.main import main
from export.runtime.emulation import chromium

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
COUNT = 50


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Export a network of the zoo, once for the same words; its folder."""
    folders: dict[tuple[str, ...], Path] = {}

    def export(*words: str) -> Path:
        if words not in folders:
            out = tmp_path_factory.mktemp("artifacts")
            assert main(["export", *words, "--out", str(out)]) == 0
            folders[words] = next(out.iterdir())
        return folders[words]

    return export


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photos of clothes in colours and of many sizes, as PNG: decoders of JPEG differ."""
    folder, generator = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    with np.load(FASHION) as arrays:
        grey = arrays["calibration_photos"][:COUNT, ..., 0]
    paths = []
    for number, pixels in enumerate(grey):
        width, height = (int(size) for size in generator.integers(28, 300, 2))
        large = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC), np.float64)
        coloured = large[..., None] * generator.uniform(0.6, 1, 3) + generator.normal(0, 4, (height, width, 3))
        paths.append(folder / f"{number}.png")
        Image.fromarray(coloured.clip(0, 255).astype(np.uint8)).save(paths[-1])
    return paths


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Page]:
    """Return a tab of Chromium."""
    if chromium.program() is None or shutil.which("npm") is None:
        pytest.skip("Chromium or npm is not installed; type: bash .ci/install-browser")
    with chromium.opened() as page:
        yield page


@contextmanager
def served(folder: Path, host: str = serve.LOCAL) -> Iterator[str]:
    """Serve a folder; its address."""
    with serve.server(folder, host, 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield serve.address(running)
        finally:
            running.shutdown()
            thread.join()

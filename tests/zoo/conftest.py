from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo

if TYPE_CHECKING:
    import keras


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of weights for this test only."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(folder))
    return folder


@pytest.fixture
def model() -> keras.Model:
    """LeNet-5, whose weights a test may change."""
    return zoo.find("lenet5").build()


@pytest.fixture
def arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """Random weights for `model`, by their paths."""
    rng = np.random.default_rng(5)
    return {weight.path: rng.normal(size=weight.shape).astype(np.float16) for weight in model.weights}


@pytest.fixture
def holds() -> Callable[[keras.Model, Mapping[str, np.ndarray]], bool]:
    """Whether a model's weights are these arrays, by their paths."""
    return lambda model, arrays: all(np.array_equal(weight.numpy(), arrays[weight.path]) for weight in model.weights)


def _keras_2_name(layer: str) -> str:
    """Return the name of a layer in keras.applications."""
    return layer.replace("logits", "predictions")


@pytest.fixture
def write_keras_2() -> Callable[..., None]:
    """Write a model's weights as Keras 2 and keras.applications name them, layers in reverse order."""
    import h5py
    import keras

    def write(path: Path, model: keras.Model, name: Callable[[str], str] = _keras_2_name) -> None:
        with h5py.File(path, "w") as file:
            layers = [layer for layer in reversed(model.layers) if layer.weights]
            file.attrs["layer_names"] = [name(layer.name).encode() for layer in layers]
            for layer in layers:
                group = file.require_group(name(layer.name))  # one may lie in another
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                kinds = [weight.path.removeprefix(f"{layer.name}/") for weight in layer.weights]
                kinds = ["depthwise_kernel" if kind == "kernel" and depthwise else kind for kind in kinds]
                names = [f"{name(layer.name)}/{kind}:0" for kind in kinds]
                group.attrs["weight_names"] = [one.encode() for one in names]
                for one, weight in zip(names, layer.weights, strict=True):
                    group[one] = weight.numpy()

    return write


class _Server(http.server.ThreadingHTTPServer):
    """Serves a folder and counts the requests."""

    requests = 0


class _Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests += 1  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Shelf:
    """A folder behind a real HTTP server on this machine."""

    def __init__(self, folder: Path, server: _Server) -> None:
        self.folder, self.server = folder, server
        self.url = f"http://127.0.0.1:{server.server_address[1]}"

    @property
    def requests(self) -> int:
        return self.server.requests


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    folder = tmp_path / "shelf"
    folder.mkdir()
    server = _Server(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield Shelf(folder, server)
    server.shutdown()
    server.server_close()
    thread.join()

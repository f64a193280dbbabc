from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of weights of this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(folder))
    return folder


class _Server(http.server.ThreadingHTTPServer):
    """Serves a folder and counts what was asked for."""

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

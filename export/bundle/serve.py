"""A static server for one folder, for the page of a packed model: local files only, to this machine only by default."""

from __future__ import annotations

import http.server
import ipaddress
import mimetypes
import sys
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

PAGE = "index.html"
LOCAL, EVERYWHERE = "127.0.0.1", "0.0.0.0"
_NAMES_OF_LOCAL = frozenset({LOCAL, "localhost", "[::1]"})

# Isolation from other origins lets a page use threads; the rest keeps a browser from guessing types and from caching.
HEADERS: Mapping[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
# The table of the system may lack them, and browsers refuse modules and WebAssembly of another type.
_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
_ANY_TYPE = "application/octet-stream"
_CHUNK_BYTES = 1 << 20


def server(folder: Path, host: str, port: int) -> http.server.ThreadingHTTPServer:
    """Return a server of the files in a folder, which listens already; the port 0 takes a free one.

    Raises:
        OSError: the address cannot be used, for example because the port is in use.
    """
    return _Server((host, port), partial(_Handler, folder.resolve(), host))


def address(running: http.server.ThreadingHTTPServer) -> str:
    """Return the address to type into a browser."""
    return f"http://{running.server_name if _is_everywhere(running) else _host(running)}:{running.server_port}/"


def _host(running: http.server.HTTPServer) -> str:
    """Return the address that a server is bound to."""
    host = running.socket.getsockname()[0]
    assert isinstance(host, str)
    return host


def _is_everywhere(running: http.server.HTTPServer) -> bool:
    return _host(running) == EVERYWHERE


class _Server(http.server.ThreadingHTTPServer):
    """Says nothing when a browser leaves before it has read everything."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Sends a file of the folder for GET and HEAD."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, host: str, *arguments: Any) -> None:
        self._folder, self._host = folder, host
        super().__init__(*arguments)

    def do_GET(self) -> None:  # the name that the base class looks up
        self._send(with_content=True)

    def do_HEAD(self) -> None:
        self._send(with_content=False)

    def log_message(self, format: str, *words: Any) -> None:
        """Print nothing: a page loads dozens of files."""

    def _send(self, *, with_content: bool) -> None:
        if not self._is_for_us():
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = found(self._folder, self.path)
        if path is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with path.open("rb") as file:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", content_type(path))
            self.send_header("Content-Length", str(path.stat().st_size))
            self._end()
            if with_content:
                while chunk := file.read(_CHUNK_BYTES):
                    self.wfile.write(chunk)

    def _is_for_us(self) -> bool:
        """Return whether the request names this machine: another name could lead a foreign page to local files."""
        assert isinstance(self.server, http.server.HTTPServer)
        bound = _host(self.server)
        if not ipaddress.ip_address(bound).is_loopback:
            return True
        named = self.headers.get("Host", "")
        host = named.rpartition(":")[0] or named
        return host in {*_NAMES_OF_LOCAL, bound, self._host}

    def _refuse(self, status: HTTPStatus) -> None:
        content = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self._end()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _end(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()


def found(folder: Path, requested: str) -> Path | None:
    """Return the file of a resolved folder that a request names; None if there is none, or if it lies outside."""
    try:
        words = unquote(urlsplit(requested).path).split("/")
        if any(word in (".", "..") or "\\" in word or "\0" in word for word in words):
            return None
        path = folder.joinpath(*filter(None, words))
        path = (path / PAGE if path.is_dir() else path).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):  # too long a name, or no address, such as ftp://[/
        return None


def content_type(path: Path) -> str:
    """Return the media type of a file."""
    return _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or _ANY_TYPE

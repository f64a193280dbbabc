"""`zoo serve` gives files of one folder, to this machine, with the headers that a page with threads needs."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from export.bundle import serve
from export.bundle.write import MANIFEST
from export.cli.main import main
from tests.browser.conftest import served
from tests.program import PROGRAM


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "page"
    (folder / "deep").mkdir(parents=True)
    for name in ("index.html", "a.mjs", "b.wasm", "c.tflite", "deep/d e.js"):
        (folder / name).write_text(name)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    return folder


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with served(folder) as found:
        yield found


def answered(
    address: str, path: str, method: str = "GET", host: str = ""
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    response = connection.getresponse()
    found = response.status, response.read(), response.headers
    connection.close()
    return found


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("/", b"index.html", "text/html; charset=utf-8"),
        ("/?selfcheck", b"index.html", "text/html; charset=utf-8"),
        ("/a.mjs", b"a.mjs", "text/javascript; charset=utf-8"),
        ("/b.wasm", b"b.wasm", "application/wasm"),
        ("/c.tflite", b"c.tflite", "application/octet-stream"),
        ("/deep/d%20e.js", b"deep/d e.js", "text/javascript; charset=utf-8"),
    ],
)
def test_files_have_the_types_and_headers_that_browsers_require(
    path: str, content: bytes, kind: str, address: str
) -> None:
    status, found, headers = answered(address, path)
    assert (status, found, headers["Content-Type"]) == (200, content, kind)
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    status, found, headers = answered(address, path, "HEAD")
    assert (status, found, headers["Content-Length"]) == (200, b"", str(len(content)))


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/deep/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/link.txt",
        "/up/secret.txt",
        "/deep",
        "/missing",
        "/%00",
        f"/{'a' * 5000}",
        "/" + "a/" * 5000,
        "ftp://[/",
    ],
)
def test_nothing_outside_of_the_folder_is_given(path: str, address: str, capfd: pytest.CaptureFixture[str]) -> None:
    status, found, _ = answered(address, path)
    assert status == 404
    assert b"secret" not in found
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_a_foreign_name_is_refused(host: str, folder: Path) -> None:
    """A page elsewhere may let its name point here; the browser then sends that name."""
    with served(folder, host) as address:
        bound = urlsplit(address).netloc
        assert answered(address, "/", host="example.org")[0] == 421
        for name in (bound, host, "localhost", "localhost:8000", "127.0.0.1"):
            assert answered(address, "/", host=name)[0] == 200, name


def test_the_whole_network_may_use_any_name(folder: Path) -> None:
    with served(folder, serve.EVERYWHERE) as address:
        local = f"http://127.0.0.1:{urlsplit(address).port}/"
        assert answered(local, "/", host="example.org")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent(method: str, address: str) -> None:
    assert answered(address, "/", method)[0] == 501


def test_it_listens_on_this_machine_alone(folder: Path) -> None:
    with serve.server(folder, serve.LOCAL, 0) as running:
        assert running.socket.getsockname()[0] == "127.0.0.1"


def test_the_command_prints_the_address_and_ends_with_ctrl_c(folder: Path) -> None:
    command = [*PROGRAM, "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        assert answered(found[0], "/")[1] == b"index.html"
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0


def test_folders_without_a_page_and_used_ports_are_explained(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", str(tmp_path)]) == 2
    assert "type the folder of an export" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert main(["serve", str(folder), "--port", str(other.getsockname()[1])]) == 3
    assert "another port: --port 0" in capsys.readouterr().err


# An address of the other family, an unknown name, and an address of another machine.
@pytest.mark.parametrize("host", ["::1", "nohost.invalid", "192.0.2.1"])
def test_hosts_that_cannot_be_bound_are_explained(host: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(folder), "--host", host, "--port", "0"]) == 3
    words = " ".join(capsys.readouterr().err.split())
    assert f"cannot listen on {host}" in words
    assert "leave out --host" in words
    assert "--port" not in words


@pytest.mark.parametrize("has_page", [True, False])
def test_a_changed_folder_of_a_page_is_kept_and_explained(
    has_page: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "l5").mkdir()
    (tmp_path / "l5" / MANIFEST).write_text("{}")
    place = tmp_path / "l5-browser"
    place.mkdir()
    mine = place / (serve.PAGE if has_page else "mine.txt")
    mine.write_text("mine")
    assert main(["serve", str(tmp_path / "l5")]) == 2
    words = " ".join(capsys.readouterr().err.split())
    assert "delete that folder" in words
    assert (f"zoo serve {place}" in words) is has_page
    assert "--out" not in words
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("host", ["", "ä..b", "ö" * 70])
def test_a_host_that_is_no_name_is_refused(host: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(folder), "--port", "0", "--host", host]) == 2
    assert f"--host {host!r} is no address" in capsys.readouterr().err


def test_a_browser_that_leaves_early_is_no_error(folder: Path, address: str, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "large.bin").write_bytes(bytes(50_000_000))
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0)) as left:
        left.sendall(f"GET /large.bin HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        left.recv(10)
        left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert answered(address, "/")[0] == 200
    assert capfd.readouterr().err == ""

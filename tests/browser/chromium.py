"""Drive a headless Chromium through its debugging pipe, without a further package."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because tests may run as root; no look at the network, because a page must not need one.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--remote-debugging-pipe",
)
# The browser reads from the descriptor 3 and writes to 4, which may be in use for something else.
_START = """
import fcntl, os, sys
for wanted, high in enumerate([fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]], 3):
    os.dup2(high, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
INSTALL = "Chromium is not installed; type: bash .ci/install-browser"


def program() -> str | None:
    """Return the path of Chromium; None if it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """A tab of the browser.

    Attributes:
        requests: the addresses that it requested.
        console: what it printed as errors, and its uncaught exceptions.
    """

    def __init__(self, requests: int, replies: int) -> None:
        self._to, self._from = os.fdopen(requests, "wb"), os.fdopen(replies, "rb")
        self._count, self._rest, self._session = 0, b"", ""
        self.requests: list[str] = []
        self.console: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the debugging protocol, and return its result."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            received = self._receive()
            if received.get("id") == self._count:
                assert "error" not in received, received
                result: dict[str, Any] = received["result"]
                return result
            self._note(received)

    def open(self, address: str) -> None:
        """Open an address, and wait until the page has started."""
        self.send("Page.navigate", url=address)
        self.evaluate(
            "new Promise((done, failed) => { const look = () => globalThis.page ? page.started.then(done, failed) : "
            "setTimeout(look, 20); look(); })"
        )

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, or that of its promise."""
        found = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, (found["exceptionDetails"], self.console)
        return found["result"].get("value")

    def choose(self, selector: str, *paths: Path) -> None:
        """Choose files in an <input type="file">, as a person would."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def resize(self, width: int, height: int) -> None:
        """Give the page the size of a screen."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)

    def screenshot(self, path: Path) -> None:
        """Write the whole page as a PNG."""
        taken = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = os.read(self._from.fileno(), 1 << 16)
            assert chunk, "Chromium ended"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        received: dict[str, Any] = json.loads(message)
        return received

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        if event.get("method") == "Runtime.exceptionThrown":
            self.console.append(json.dumps(parameters["exceptionDetails"]))
        if event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.console.append(" ".join(str(one.get("value")) for one in parameters["args"]))


@contextmanager
def opened() -> Iterator[Page]:
    """Start Chromium, give its tab, and end it."""
    found = program()
    assert found is not None, INSTALL
    to_browser, from_page = os.pipe()
    to_page, from_browser = os.pipe()
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        numbers = [str(to_browser), str(from_browser)]
        words = [sys.executable, "-c", _START, *numbers, found, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(
            words, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            os.close(to_browser)
            os.close(from_browser)
            try:
                yield Page(from_page, to_page)
            finally:
                process.terminate()
                process.wait()

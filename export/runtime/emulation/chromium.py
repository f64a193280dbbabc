"""Drive a headless Chromium through its debugging pipe, without a further package."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zoo.errors import CheckFailedError, OutsideError

NAMES = ("chromium", "chromium-browser", "google-chrome")
# A page must not need the network, and a camera is there for one that uses it.
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--remote-debugging-pipe",
)
_NO_SANDBOX = "--no-sandbox"  # Chromium has none for root.
# The browser reads from the descriptor 3 and writes to 4, which may be in use for something else.
_START = """
import fcntl, os, sys
for wanted, high in enumerate([fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]], 3):
    os.dup2(high, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
MISSING = "Chromium is not installed; on Debian type: apt-get install chromium"
_CHUNK_BYTES = 1 << 16
SILENCE_SECONDS = 1800  # Large files run for minutes.
START_SECONDS = 120  # until the script of a page has begun; it then loads files for as long as it needs
_STARTED = """
new Promise((done, failed) => {
  const look = (left) => {
    if (globalThis.page) page.started.then(done, failed);
    else if (left <= 0) failed(new Error("its script does not start"));
    else setTimeout(look, 20, left - 20);
  };
  look(%d);
})
"""


def program() -> str | None:
    """Return the path of Chromium; None if it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """A tab of the browser.

    Attributes:
        requests: the addresses that it requested.
    """

    def __init__(self, requests: int, replies: int) -> None:
        """Take the descriptors of the pipe."""
        self._to, self._from = requests, replies
        self._count, self._rest, self._session = 0, b"", ""
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the debugging protocol, and return its result.

        Raises:
            OutsideError: the browser ended, is silent for long, or refuses the command.
        """
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        content = json.dumps(message).encode() + b"\0"
        try:
            while content:
                content = content[os.write(self._to, content) :]
        except BrokenPipeError:
            raise OutsideError("Chromium ended by itself; type the same command again") from None
        while (received := self._receive()).get("id") != self._count:
            if received.get("method") == "Network.requestWillBeSent":
                self.requests.append(received["params"]["request"]["url"])
        if "error" in received:
            raise OutsideError(f"Chromium refused {method}: {received['error'].get('message')}")
        result: dict[str, Any] = received["result"]
        return result

    def open(self, address: str) -> None:
        """Open an address, and wait until the page has started.

        Raises:
            CheckFailedError: the page fails to start.
        """
        self.send("Page.navigate", url=address)
        self.evaluate(_STARTED % (1000 * START_SECONDS))

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, or that of its promise.

        Raises:
            CheckFailedError: it throws an error.
        """
        found = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            words = str(details.get("exception", {}).get("description") or details.get("text"))
            raise CheckFailedError(f"the page failed: {words.splitlines()[0]}")
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
            ready, _, _ = select.select([self._from], [], [], SILENCE_SECONDS)
            chunk = os.read(self._from, _CHUNK_BYTES) if ready else b""
            if not chunk:
                reason = "ended by itself" if ready else f"did nothing for {SILENCE_SECONDS} seconds"
                raise OutsideError(f"Chromium {reason}, perhaps for lack of memory; try a smaller network")
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        received: dict[str, Any] = json.loads(message)
        return received


@contextmanager
def opened() -> Iterator[Page]:
    """Start Chromium, give its tab, and end it.

    Raises:
        OutsideError: it is not installed, or does not start.
    """
    found = program()
    if found is None:
        raise OutsideError(MISSING)
    to_browser, from_page = os.pipe()
    to_page, from_browser = os.pipe()
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [*_FLAGS, *([_NO_SANDBOX] if os.getuid() == 0 else []), f"--user-data-dir={profile}", "about:blank"]
        words = [sys.executable, "-c", _START, str(to_browser), str(from_browser), found, *flags]
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
                os.close(from_page)
                os.close(to_page)

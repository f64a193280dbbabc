"""A Python environment in the cache for a tool, with pinned versions; the first use fetches it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from export.progress import Progress
from zoo.errors import OutsideError
from zoo.weights.sources import cache_folder

CREATE_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool from PyPI.

    Attributes:
        name: of its environment.
        packages: all packages of it, with versions.
        size: what is fetched, for display.
    """

    name: str
    packages: tuple[str, ...]
    size: str


NUMBERS = ("numpy==2.4.6", "flatbuffers==25.12.19")
TFLITE_MICRO = Tool(
    name="tflite-micro",
    packages=("tflite-micro==0.dev20261023182759", "PyYAML==6.0.3", *NUMBERS),
    size="20 MB",
)
VELA = Tool(name="vela", packages=("ethos-u-vela==5.2.0", *NUMBERS), size="20 MB")


def interpreter(tool: Tool, progress: Progress) -> Path:
    """Return the Python of a tool's environment.

    Raises:
        OutsideError: there is no network, or no such versions for this Python and processor.
    """
    content = f"{tool.packages} {sys.version_info[:2]}"
    folder = cache_folder() / "tools" / f"{tool.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        progress.step(f"fetch {tool.packages[0]} ({tool.size}, once)")
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            _create(tool, work / "new")
            with suppress(OSError):  # Another process was faster.
                (work / "new").rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return folder / "bin" / "python"


def _create(tool: Tool, folder: Path) -> None:
    _call(tool, [sys.executable, "-m", "venv", "--without-pip", str(folder)])
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    _call(tool, [*pip, "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", *tool.packages])


def _call(tool: Tool, command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CREATE_SECONDS)
    if done.returncode:
        words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = [word for word in words if word.upper().startswith("ERROR")] or words or ["no message"]
        reason = said[-1].removeprefix("ERROR: ")
        raise OutsideError(f"the environment of {tool.name} cannot be made: {reason}; check the network and try again")


def variables() -> dict[str, str]:
    """Return the environment variables of a tool: ours without the places of our modules."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}

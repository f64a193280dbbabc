"""A separate environment with pinned versions for each peer whose dependencies differ from ours."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from zoo.errors import OutsideError

REQUIREMENTS = Path(__file__).parent / "requirements"


def requirements(name: str) -> str:
    """Return the pinned versions."""
    return (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")


def interpreter(name: str, root: Path) -> Path:
    """Return the environment's Python; it is created under `root` if it is missing or its requirements changed.

    Raises:
        OutsideError: it cannot be created: no network, or no such versions for this Python.
    """
    folder = root / name
    python, ready = folder / "bin" / "python", folder / ".ready"
    digest = hashlib.sha256(requirements(name).encode()).hexdigest()
    if ready.is_file() and ready.read_text() == digest:
        return python
    run(sys.executable, "-m", "venv", "--clear", str(folder))
    listed = str(REQUIREMENTS / f"{name}.txt")
    run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", listed)
    ready.write_text(digest)
    return python


def run(*command: str | Path) -> None:
    """Run a command.

    Raises:
        OutsideError: it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = [word for word in words if word.upper().startswith("ERROR")] or words or ["no message"]
        raise OutsideError(f"its environment cannot be made: {said[-1]}")

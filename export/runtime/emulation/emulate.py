"""Run a Python program on an emulated machine."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.progress import Progress
from export.runtime.emulation.machines import Machine
from export.runtime.emulation.root import SITE, emulator, root_of


def emulate(machine: Machine, program: Path, arguments: Sequence[str], progress: Progress) -> tuple[int, str, str]:
    """Run a Python program on a machine; return its exit code, output and errors.

    The machine sees the files of the host, with those of its root in front.

    Raises:
        OutsideError: a program of the host is missing, or the machine's files cannot be fetched.
    """
    root = root_of(machine.architecture, progress)
    (root / "proc").mkdir(exist_ok=True)
    _write(root / "proc" / "cpuinfo", machine.cpuinfo())
    site = f"/{SITE}" if machine.architecture.is_redirected else str(root / SITE)
    packages = "/usr/lib/python3/dist-packages"
    path = site if machine.architecture.is_redirected else f"{site}:{root}{packages}"
    program_of_qemu, libraries = emulator(machine.architecture, progress)
    command = [str(program_of_qemu), "-U", "LD_LIBRARY_PATH", "-cpu", machine.cpu, "-L", str(root)]
    interpreter = str(root / f"usr/bin/python{machine.architecture.system.python}")
    done = subprocess.run(
        [*command, interpreter, "-B", str(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin", "TZ": "UTC", "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", **libraries},
    )
    return done.returncode, done.stdout, done.stderr


def _write(path: Path, text: str) -> None:
    """Write a small file at once, because another process may read it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)

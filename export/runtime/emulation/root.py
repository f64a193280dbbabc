"""The files of an emulated machine: Debian's Python for its processor, and the runtimes from PyPI."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from export.progress import Progress
from export.runtime.emulation.machines import BOOKWORM, Architecture, System
from zoo.errors import OutsideError
from zoo.weights.sources import cache_folder

SITE = "opt/site"

# QEMU with the libraries that a small installation of Debian lacks.
_QEMU = (
    "qemu-user",
    "libcapstone4",
    "libffi8",
    "libglib2.0-0",
    "libgmp10",
    "libgnutls30",
    "libhogweed6",
    "libidn2-0",
    "libnettle8",
    "libnuma1",
    "libp11-kit0",
    "libpcre2-8-0",
    "libtasn1-6",
    "libunistring2",
    "liburing2",
)


def root_of(architecture: Architecture, progress: Progress) -> Path:
    """Return the folder with the files of an architecture; the first call fetches them (80 MB).

    Raises:
        OutsideError: this system is not Debian, or a package cannot be fetched.
    """

    def fill(root: Path, work: Path) -> None:
        progress.step(f"fetch Python and the runtimes for {architecture.name} (80 MB, once)")
        names = (*architecture.system.packages, *architecture.packages)
        _unpack_packages(names, architecture.system, architecture.debian, root, work)
        if not (root / "lib").exists():  # Newer releases have all of it in usr.
            (root / "lib").symlink_to("usr/lib")
        _unpack_wheels(architecture, root / SITE, work)
        for library in architecture.libraries:
            for file in (root / library).glob("*.so*"):
                (root / library).with_name(file.name).symlink_to(file.relative_to((root / library).parent))

    return _cached(f"{architecture.name}-{architecture.system.release}", repr(architecture), fill)


def emulator(architecture: Architecture, progress: Progress) -> tuple[Path, dict[str, str]]:
    """Return the path of QEMU for an architecture, and the variables that it needs; it is fetched if not installed.

    Raises:
        OutsideError: it is neither installed nor can it be fetched.
    """
    if installed := shutil.which(architecture.program):
        return Path(installed), {}

    def fill(root: Path, work: Path) -> None:
        progress.step("fetch QEMU (15 MB, once)")
        _unpack_packages(_QEMU, BOOKWORM, _call("dpkg", "--print-architecture").strip(), root, work)

    root = _cached("qemu", repr(_QEMU), fill)
    libraries = [
        path for path in (root / "usr" / "lib").iterdir() if path.is_dir() and any(path.glob("libglib-2.0.so*"))
    ]
    folders = [str(path) for found in libraries for path in (found, root / "lib" / found.name)]
    return root / "usr" / "bin" / architecture.program, {"LD_LIBRARY_PATH": ":".join(folders)}


def _cached(name: str, content: str, fill: Callable[[Path, Path], None]) -> Path:
    """Return a folder of the cache; if it is not there, `fill` gets the new folder and one for its work."""
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    folder = cache_folder() / "emulation" / f"{name}-{digest}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        new = work / "root"
        new.mkdir()
        fill(new, work)
        with suppress(OSError):  # Another process was faster.
            new.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _unpack_packages(names: Sequence[str], system: System, architecture: str, root: Path, work: Path) -> None:
    """Fetch packages of Debian with lists of their own, so that those of the system stay as they are."""
    lists, packages, sources = work / "lists", work / "packages", work / "sources.list"
    for folder in (lists / "partial", packages):
        folder.mkdir(parents=True)
    sources.write_text(
        f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {_mirror()} {system.release} main\n"
    )
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "Dir::State::Lists": lists,
        "Dir::State::status": "/dev/null",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::SourceList": sources,
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    _call("apt-get", "-qq", *settings, "update")
    _call("apt-get", "-qq", *settings, "download", *names, folder=packages)
    for package in sorted(packages.glob("*.deb")):
        _call("dpkg-deb", "-x", str(package), str(root))


def _mirror() -> str:
    """Return where this system fetches Debian from.

    Raises:
        OutsideError: it is another system.
    """
    listed = _call("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages")
    mirrors = [line.split()[0] for line in listed.splitlines() if line.split()[1:] == [BOOKWORM.release]]
    if not mirrors:
        raise OutsideError(
            "emulation takes its packages from Debian 12, and this system is another; run it in a container of "
            "Debian 12"
        )
    return mirrors[0]


def _unpack_wheels(architecture: Architecture, site: Path, work: Path) -> None:
    tags = [word for tag in architecture.platforms for word in ("--platform", tag)]
    _call(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *(
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            architecture.system.python,
            "-d",
            str(work / "wheels"),
        ),
        *(tags + (["--no-deps"] if not architecture.is_redirected else [])),
        *architecture.wheels,
    )
    for wheel in sorted((work / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)


def _call(*command: str, folder: Path | None = None) -> str:
    if shutil.which(command[0]) is None:
        raise OutsideError(f"{command[0]} is not installed, which emulation needs; run it in a container of Debian 12")
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise OutsideError(f"{Path(command[0]).name} failed: {lines[-1]}; check the network and try again")
    return done.stdout

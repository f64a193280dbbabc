"""The files of an emulated machine: Debian's Python for its processor, and the runtimes from PyPI."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from export.progress import Progress
from export.runtime.emulation.machines import PYTHON, Architecture
from zoo.errors import OutsideError
from zoo.weights.sources import cache_folder

RELEASE = "bookworm"
SITE = "opt/site"
NEEDED = {"apt-get": "apt", "dpkg-deb": "dpkg", "qemu-aarch64": "qemu-user", "qemu-arm": "qemu-user"}


def root_of(architecture: Architecture, progress: Progress) -> Path:
    """Return the folder with the files of an architecture; the first call fetches them (80 MB).

    Raises:
        OutsideError: a program is missing, or a package cannot be fetched.
    """
    check_programs(architecture)
    everything = repr((architecture, PYTHON, RELEASE)).encode()
    folder = cache_folder() / "emulation" / f"{architecture.name}-{hashlib.sha256(everything).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        progress.step(f"fetch Python and the runtimes for {architecture.name} (80 MB, once)")
        new = work / "root"
        new.mkdir()
        _unpack_packages(architecture, work, new)
        _unpack_wheels(architecture, work, new / SITE)
        for library in architecture.libraries:
            for file in (new / library).glob("*.so*"):
                (new / library).with_name(file.name).symlink_to(file.relative_to((new / library).parent))
        new.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def check_programs(architecture: Architecture) -> None:
    """Check that the programs of the host are installed.

    Raises:
        OutsideError: one is missing.
    """
    for program in ("apt-get", "dpkg-deb", architecture.program):
        if shutil.which(program) is None:
            raise OutsideError(f"{program} is not installed; type: sudo apt-get install -y {NEEDED[program]}")


def _unpack_packages(architecture: Architecture, work: Path, root: Path) -> None:
    """Fetch packages of Debian with lists of their own, so that those of the system stay as they are."""
    lists, packages, sources = work / "lists", work / "packages", work / "sources.list"
    for folder in (lists / "partial", packages):
        folder.mkdir(parents=True)
    sources.write_text(f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {_mirror()} {RELEASE} main\n")
    options = {
        "APT::Architecture": architecture.debian,
        "APT::Architectures": architecture.debian,
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
    _call("apt-get", "-qq", *settings, "download", *architecture.packages, folder=packages)
    for package in sorted(packages.glob("*.deb")):
        _call("dpkg-deb", "-x", str(package), str(root))


def _mirror() -> str:
    """Return where this system fetches Debian from.

    Raises:
        OutsideError: it is another system.
    """
    listed = _call("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages")
    mirrors = [line.split()[0] for line in listed.splitlines() if line.split()[1:] == [RELEASE]]
    if not mirrors:
        raise OutsideError(
            f"emulation takes its packages from Debian {RELEASE}, and this system is another; run it in a container of "
            "Debian 12"
        )
    return mirrors[0]


def _unpack_wheels(architecture: Architecture, work: Path, site: Path) -> None:
    tags = [word for tag in architecture.platforms for word in ("--platform", tag)]
    _call(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON, "-d", str(work / "wheels")),
        *(tags + (["--no-deps"] if not architecture.is_redirected else [])),
        *architecture.wheels,
    )
    for wheel in sorted((work / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)


def _call(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise OutsideError(f"{Path(command[0]).name} failed: {lines[-1]}; check the network and try again")
    return done.stdout

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from export.bundle import snippets
from export.bundle.signing import Signer, read_private
from export.cli.main import main
from tests.commands.edits import write_report

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one export of the trained LeNet-5: float32 and int8, both formats. Nobody writes into it."""
    out = tmp_path_factory.mktemp("artifacts")
    photos = out / "calibration.npz"
    with np.load(FASHION) as arrays:
        np.savez(photos, image=arrays["calibration_photos"])
    arguments = ["lenet5", "--precision", "float32,int8", "--calibration", str(photos), "--out", str(out)]
    assert main(["export", *arguments]) == 0
    return out / "lenet5"


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """A copy of the export, to be damaged."""
    return Path(shutil.copytree(exported, tmp_path / "lenet5"))


@pytest.fixture
def edit(copy: Path) -> Callable[[Callable[[dict[str, Any]], object]], None]:
    """Change the manifest of the copy, and the report with it."""

    def call(change: Callable[[dict[str, Any]], object]) -> None:
        original = (copy / "manifest.json").read_text()
        manifest = json.loads(original)
        change(manifest)
        companions = manifest.get("companions", {})
        if "report.html" in companions:
            write_report(copy, manifest)
            for name in companions.keys() & {"report.html", *snippets.companions(json.loads(original))}:
                companions[name] = hashlib.sha256((copy / name).read_bytes()).hexdigest()
        (copy / "manifest.json").write_text(json.dumps(manifest))

    return call


@pytest.fixture
def seal(copy: Path, edit: Callable[[Callable[[dict[str, Any]], object]], None]) -> Callable[[], None]:
    """Write the digests of the present files into the manifest, as a careful forger would."""

    def digest(name: str) -> str:
        return hashlib.sha256((copy / name).read_bytes()).hexdigest()

    def change(manifest: dict[str, Any]) -> None:
        manifest["companions"] = {name: digest(name) for name in manifest["companions"]}
        for file in manifest["files"]:
            file["sha256"] = digest(file["file"])

    return lambda: edit(change)


@pytest.fixture
def regild(copy: Path) -> Callable[[Callable[[dict[str, Any]], object]], None]:
    """Change the arrays of the copy's golden.npz."""

    def call(change: Callable[[dict[str, Any]], object]) -> None:
        with np.load(copy / "golden.npz") as file:
            arrays: dict[str, Any] = dict(file)
        change(arrays)
        np.savez(copy / "golden.npz", **arrays)

    return call


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key; its public half lies beside it with the suffix .pub."""
    path, key = tmp_path_factory.mktemp("keys") / "key.pem", Ed25519PrivateKey.generate()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    path.with_suffix(".pub").write_bytes(
        key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path


@pytest.fixture(scope="session")
def signer(key: Path) -> Signer:
    return read_private(key)

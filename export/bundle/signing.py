"""Sign a manifest with Ed25519. The signature covers every file of the folder, because the manifest has their digests.

`manifest.sig` holds the 64 bytes of the signature, so that openssl can check it too (docs/signing.md).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "Ed25519"
MAX_KEY_BYTES = 100_000  # A key has a few hundred; another file is not read.
MAKE = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"
PUBLIC = "get it with: openssl pkey -in key.pem -pubout -out public.pem"
_SSH_PRIVATE, _SSH_PUBLIC = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"ssh-"
_SSH_NAME = b"ssh-ed25519"


@dataclass(frozen=True)
class PublicKey:
    """A public key, as the 32 bytes of Ed25519."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint that `ssh-keygen -l` prints for the same key."""
        blob = b"".join(len(part).to_bytes(4, "big") + part for part in (_SSH_NAME, self.raw))
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Return whether `signature` is this key's for `content`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except InvalidSignature:
            return False
        return True

    def record(self) -> dict[str, str]:
        """Return the manifest entry as plain data."""
        key = base64.b64encode(self.raw).decode()
        return {"algorithm": ALGORITHM, "public_key": key, "fingerprint": self.fingerprint}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> PublicKey:
        """Return the key of a manifest entry.

        Raises:
            ValueError: the entry is not one that `record` returns.
        """
        key = cls(base64.b64decode(str(record.get("public_key")), validate=True))
        if len(key.raw) != 32 or dict(record) != key.record():
            raise ValueError("the signer's key is damaged")
        return key


@dataclass(frozen=True)
class Signer:
    """A private key, which signs manifests."""

    _key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The public key, with which others check the signatures."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, content: bytes) -> bytes:
        """Return the signature of `content`; the same content always gets the same one."""
        return self._key.sign(content)


def read_private(path: Path) -> Signer:
    """Return the private key in a file: PEM or OpenSSH, Ed25519, without a password.

    Raises:
        UsageProblemError: there is no such key in the file.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    content = _content(path, "--sign", MAKE)
    is_ssh = content.startswith(_SSH_PRIVATE)
    load = serialization.load_ssh_private_key if is_ssh else serialization.load_pem_private_key
    try:
        key = load(content, password=None)
    except TypeError as error:
        raise UsageProblemError(
            f"--sign {path}: the key is protected by a password, which is never read; give one without, or {MAKE}"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageProblemError(f"--sign {path} is not a private key (PEM or OpenSSH); {MAKE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageProblemError(f"--sign {path} is not an Ed25519 key; {MAKE}")
    return Signer(key)


def read_public(path: Path) -> PublicKey:
    """Return the public key in a file: PEM, or the line of an OpenSSH key.

    Raises:
        UsageProblemError: there is no public Ed25519 key in the file.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    content = _content(path, "--key", PUBLIC)
    is_ssh = content.startswith(_SSH_PUBLIC)
    load = serialization.load_ssh_public_key if is_ssh else serialization.load_pem_public_key
    try:
        key = load(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageProblemError(f"--key {path} is not a public key (PEM or OpenSSH); {PUBLIC}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageProblemError(f"--key {path} is not an Ed25519 key; {PUBLIC}")
    return PublicKey(key.public_bytes_raw())


def _content(path: Path, option: str, remedy: str) -> bytes:
    if not path.is_file():
        raise UsageProblemError(f"{option} {path}: there is no such file; {remedy}")
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise UsageProblemError(f"{option} {path} cannot be read ({error.strerror})") from error

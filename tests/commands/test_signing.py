"""A folder is signed with the user's own key; a wrong key is refused before any work."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from export.bundle.atomic_folder import Destination
from export.bundle.signing import PublicKey, read_private, read_public
from export.cli.main import main
from zoo.errors import UsageProblemError

PEM, SSH = serialization.Encoding.PEM, serialization.Encoding.OpenSSH
PKCS8, OPENSSH = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.OpenSSH
OPEN, LOCKED = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"word")


def private(form: serialization.PrivateFormat, lock: serialization.KeySerializationEncryption = OPEN) -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(PEM, form, lock)


def public(encoding: serialization.Encoding = PEM) -> bytes:
    form = serialization.PublicFormat.OpenSSH if encoding == SSH else serialization.PublicFormat.SubjectPublicKeyInfo
    return Ed25519PrivateKey.generate().public_key().public_bytes(encoding, form)


def locked_openssh() -> bytes:
    """Return the form of a locked OpenSSH key, without a secret inside; writing a real one needs another package."""

    def text(value: bytes) -> bytes:
        return len(value).to_bytes(4, "big") + value

    options = text(bytes(16)) + (16).to_bytes(4, "big")
    blob = base64.b64decode(public(SSH).split()[1])
    parts = (text(b"aes256-ctr"), text(b"bcrypt"), text(options), (1).to_bytes(4, "big"), text(blob), text(bytes(160)))
    body = base64.encodebytes(b"openssh-key-v1\0" + b"".join(parts))
    return b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + body + b"-----END OPENSSH PRIVATE KEY-----\n"


def of_another_kind() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, OPEN)


def test_a_signed_export_is_verified_by_its_key_only(
    key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, names = tmp_path / "lenet5", ["--format", "tflite", "--out", str(tmp_path)]
    folder.mkdir()
    (folder / "manifest.json").write_text('{"schema": "zoo-export manifest 1", "files": []}')
    (folder / "notes.txt").write_text("mine")
    assert main(["export", "lenet5", *names, "--sign", str(key)]) == 0
    words = capsys.readouterr().out
    assert "signed by SHA256:" in words
    assert "not covered by the signature, move them away: notes.txt" in words
    (folder / "notes.txt").unlink()
    text = (folder / "manifest.json").read_text()
    assert str(key) not in text
    assert key.read_text().splitlines()[1] not in "".join(path.read_text("latin-1") for path in folder.iterdir())
    manifest = json.loads(text)
    assert (folder / manifest["golden_photo"]["file"]).stat().st_size > 100_000  # full size
    fingerprint = manifest["signer"]["fingerprint"]

    def verified(*more: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["verify", str(folder), "--json", *more])
        found = json.loads(capsys.readouterr().out)
        assert bool(found["not_derivable"]) == (found["signature"] == "unconfirmed")
        return code, found["signature"], found["signer"]

    other = tmp_path / "other.pub"
    other.write_bytes(public())
    assert verified() == (0, "unconfirmed", fingerprint)
    assert verified("--key", str(key.with_suffix(".pub"))) == (0, "valid", fingerprint)
    assert verified("--key", str(other)) == (1, "invalid", fingerprint)
    (folder / "added.txt").write_text("mine")
    assert verified("--key", str(key.with_suffix(".pub"))) == (1, "invalid", fingerprint)
    assert verified() == (0, "unconfirmed", fingerprint)
    (folder / "added.txt").rename(folder / "report.html")
    assert verified("--key", str(key.with_suffix(".pub"))) == (1, "valid", fingerprint)  # the manifest is still signed
    (folder / "report.html").rename(folder / "added.txt")
    with Destination(tmp_path, "lenet5").replaced() as new:
        (new / "manifest.json").write_text("{}")
    assert sorted(path.name for path in folder.iterdir()) == [
        "added.txt",
        "manifest.json",
    ]  # a signature of the past is not kept


def test_an_unsigned_folder_is_called_so(exported: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(exported)]) == 0
    words = capsys.readouterr().out
    assert "\nunsigned: " in words
    assert "not derivable without a checked signature: accuracy on labelled data" in words
    assert main(["verify", str(exported), "--key", str(key.with_suffix(".pub"))]) == 1
    assert "is not signed, but --key requires a signature by SHA256:" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (lambda: b"", "is not a private key"),
        (public, "is not a private key"),
        (of_another_kind, "is not an Ed25519 key"),
        (lambda: private(PKCS8, LOCKED), "protected by a password"),
        (locked_openssh, "protected by a password"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_before_the_export(
    content: Callable[[], bytes] | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "key.pem", tmp_path / "out"
    if content is not None:
        path.write_bytes(content())
    assert main(["export", "lenet5", "--sign", str(path), "--out", str(out)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1  # no step of an export
    assert words in complaint
    assert "openssl genpkey -algorithm ed25519 -out key.pem" in complaint
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (lambda: b"ssh-", "is not a public key"),
        (lambda: private(PKCS8), "is not a public"),
    ],
)
def test_a_key_that_cannot_verify_is_refused(
    content: Callable[[], bytes] | None,
    words: str,
    exported: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / "key.pub").write_bytes(content())
    assert main(["verify", str(exported), "--key", str(tmp_path / "key.pub")]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert words in complaint


def test_openssh_keys_are_read_and_have_the_fingerprint_of_openssh(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    line = key.public_key().public_bytes(SSH, serialization.PublicFormat.OpenSSH)
    (tmp_path / "key").write_bytes(key.private_bytes(PEM, OPENSSH, OPEN))
    (tmp_path / "key.pub").write_bytes(line + b" somebody@somewhere\n")
    signer, known = read_private(tmp_path / "key"), read_public(tmp_path / "key.pub")
    assert signer.public == known
    assert known.signed(b"manifest", signer.sign(b"manifest"))
    assert not known.signed(b"Manifest", signer.sign(b"manifest"))
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    assert known.fingerprint == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize("change", [{"public_key": "AAAA"}, {"fingerprint": "SHA256:other"}, {"algorithm": "none"}])
def test_a_damaged_record_of_a_signer_is_refused(change: dict[str, str], key: Path) -> None:
    record = read_private(key).public.record()
    assert PublicKey.from_record(record) == read_private(key).public
    with pytest.raises(ValueError, match=r"padding|damaged"):
        PublicKey.from_record(record | change)


def test_the_library_refuses_a_wrong_key_too(tmp_path: Path) -> None:
    from export import Recipe, run

    with pytest.raises(UsageProblemError, match="there is no such file"):
        run(Recipe(model="lenet5", sign=str(tmp_path / "none"), out=tmp_path))

"""Whether a delivered folder is signed, by whom, and whether the signature covers all that lies in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from export.bundle.read import Delivered
from export.bundle.signing import PublicKey
from export.bundle.write import MANIFEST, SIGNATURE
from export.proof.check import CheckResult

SIGNATURE_BYTES = 64


class State(StrEnum):
    """What is known about the origin of a folder."""

    UNSIGNED = "unsigned"
    UNCONFIRMED = "unconfirmed"  # well signed, but nobody said whose key it should be
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, kw_only=True)
class Authenticity:
    """The signature of a folder.

    Attributes:
        state: what is known.
        signer: fingerprint of the key that the manifest names; empty if it names none.
        sentence: the state in words.
    """

    state: State
    signer: str
    sentence: str

    def checks(self) -> tuple[CheckResult, ...]:
        """Return the result of the check; none for a folder without a signature that nobody requires."""
        if self.state is State.UNSIGNED:
            return ()
        passed = self.state is not State.INVALID
        return (CheckResult.stated("authenticity", MANIFEST, self.sentence, passed=passed),)


def examine(delivered: Delivered, key: PublicKey | None) -> Authenticity:
    """Return what the signature of a folder says.

    Args:
        delivered: the folder.
        key: the key that must have signed it; None accepts any key and no signature.
    """
    record, path = delivered.manifest.get("signer"), delivered.folder / SIGNATURE
    if record is None and not path.exists():
        if key is not None:
            return _invalid("", f"the folder is not signed, but --key requires a signature by {key.fingerprint}")
        return Authenticity(
            state=State.UNSIGNED,
            signer="",
            sentence="unsigned: what the files do not show by themselves may have been changed since the export",
        )
    if record is None or not path.is_file() or path.is_symlink() or path.stat().st_size != SIGNATURE_BYTES:
        return _invalid("", f"{SIGNATURE} or the signer in {MANIFEST} is missing or damaged")
    try:
        signer = PublicKey.from_record(record)
    except (ValueError, TypeError, AttributeError):
        return _invalid("", f"the signer in {MANIFEST} is damaged")
    if key is not None and key != signer:
        return _invalid(signer.fingerprint, f"signed by {signer.fingerprint}, but --key is {key.fingerprint}")
    if not signer.signed(delivered.content, path.read_bytes()):
        return _invalid(signer.fingerprint, f"{MANIFEST} was changed after it was signed")
    if key is not None and (extra := delivered.strangers()):
        return _invalid(signer.fingerprint, f"the signature does not cover {', '.join(extra)}; move what is yours away")
    if key is not None:
        return Authenticity(state=State.VALID, signer=signer.fingerprint, sentence=f"signed by {signer.fingerprint}")
    return Authenticity(
        state=State.UNCONFIRMED,
        signer=signer.fingerprint,
        sentence=f"signed by {signer.fingerprint}, not checked: give --key with the public key of the one you trust",
    )


def _invalid(signer: str, sentence: str) -> Authenticity:
    return Authenticity(state=State.INVALID, signer=signer, sentence=sentence)

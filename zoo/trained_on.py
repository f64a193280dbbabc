"""Which photos, sounds or texts a network was trained on: digests in its file, so that an evaluation can tell."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

DIGEST_BYTES = 16  # of SHA-256: enough to tell files apart


def of_file(path: Path) -> bytes:
    """Return the digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()[:DIGEST_BYTES]


def of_text(text: str) -> bytes:
    """Return the digest of a text without the spaces around it."""
    return hashlib.sha256(text.strip().encode()).digest()[:DIGEST_BYTES]


def packed(digests: Collection[bytes]) -> bytes:
    """Return digests as the content of a file, in an order of their own."""
    return b"".join(sorted(digests))


def unpacked(content: bytes) -> frozenset[bytes]:
    """Return the digests in the content of a file.

    Raises:
        ValueError: it holds something else.
    """
    if len(content) % DIGEST_BYTES:
        raise ValueError("the digests of the training data are cut off")
    return frozenset(content[at : at + DIGEST_BYTES] for at in range(0, len(content), DIGEST_BYTES))


def warning(found: Collection[bytes], known: Collection[bytes], what: str) -> tuple[str, ...]:
    """Return the sentence about evaluated examples that a network was trained on; none if there are none.

    Args:
        found: digests of the evaluated photos, sounds or texts.
        known: digests of those that the network was trained on.
        what: what is evaluated: "the evaluation", "validation".
    """
    seen = len(set(found) & set(known))
    if not seen:
        return ()
    return (
        f"{what}: {seen} of {len(set(found))} photos, sounds or texts were used to train this network, so its "
        "scores on them say little about new ones",
    )

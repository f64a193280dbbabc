"""Write the files of an export with their manifest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.bundle.signing import Signer
    from export.proof.artifact import Artifact
    from export.scheme import Scheme

MANIFEST, GOLDEN, LABELS, REPORT = "manifest.json", "golden.npz", "labels.txt", "report.html"
SIGNATURE = "manifest.sig"
KIND = "zoo-export manifest"
SCHEMA = f"{KIND} 2"


def write(
    folder: Path,
    files: list[Artifact],
    manifest: Mapping[str, Any],
    golden: bytes,
    labels: tuple[str, ...],
    others: Mapping[str, bytes],
    signer: Signer | None = None,
) -> dict[str, Any]:
    """Write an export's files, flush each to the disk, and return the manifest with the digests of all files.

    Args:
        folder: the folder to write to.
        files: the model files.
        manifest: the manifest without the companions.
        golden: the content of golden.npz.
        labels: names of the classes, if known.
        others: content of other files, by name, such as a vocabulary, or the pictures of the report.
        signer: signs the manifest; None writes no signature.
    """
    from export.bundle import snippets  # templates take a fifth of a second, which a mistyped command need not wait
    from export.bundle.report.page import page

    companions = {**others, **snippets.companions(manifest), GOLDEN: golden, REPORT: page(manifest, others).encode()}
    if labels:
        companions[LABELS] = ("\n".join(labels) + "\n").encode()
    record = {
        **manifest,
        "signer": signer.public.record() if signer else None,
        "companions": {name: hashlib.sha256(content).hexdigest() for name, content in companions.items()},
    }
    for artifact in files:
        for path in artifact.content.copy(folder / artifact.file_name):
            _flush(path)
    for name, content in companions.items():
        _flushed(folder / name, content)
    text = (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()
    _flushed(folder / MANIFEST, text)
    if signer:
        _flushed(folder / SIGNATURE, signer.sign(text))
    return record


def chosen(artifacts: list[Artifact], schemes: tuple[Scheme, ...], *, keep_failed: bool) -> list[Artifact]:
    """Return the artifacts to deliver: the requested ones that were written and proven, or all with `keep_failed`.

    Files with operators that no runtime here has are delivered unproven, if the recipe requests them.
    """
    return [
        artifact
        for artifact in artifacts
        if artifact.scheme in schemes
        and artifact.content
        and (keep_failed or artifact.is_delivered_unproven or not artifact.failures)
    ]


def _flushed(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _flush(path)


def _flush(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())

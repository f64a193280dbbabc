"""The lines below the table of an export."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any


def last_words(result: dict[str, Any]) -> list[str]:
    """Return the lines below the tables: where the files are and what to type next."""
    manifest, folder = result["manifest"], result["folder"]
    if folder is None:
        made = any(file.get("sha256") for file in manifest["not_delivered"])
        hint = "; add --keep-failed to write the files anyway" if made else ""
        return ["", f"nothing was written: no file passed its proof{hint}"]
    names = ", ".join(file["file"] for file in manifest["files"])
    failed = [
        file["file"] for file in manifest["not_delivered"] if file["precision"] in manifest["recipe"]["precisions"]
    ]
    lines = ["", f"{folder}: {names}"]
    if result["replaced"]:
        lines.append(
            f"replaced from the previous export: {', '.join(result['replaced'])}; type another --out to keep both"
        )
    lines += _signed(manifest, Path(folder))
    if failed:
        lines.append(f"not written, see the verdict in the table: {', '.join(failed)}")
    if not manifest["weights"]["trained"]:
        lines.append("these files are UNTRAINED: export with --weights before you ship one")
    kinds = [contract["kind"] for contract in manifest["inputs"].values()]
    is_text = any(contract.get("tokenizer") for contract in manifest["inputs"].values()) or _reads_text(manifest)
    words = _photo(manifest, Path(folder)) if "photo" in kinds else '"a text"' if is_text else ""
    place = shlex.quote(str(folder))
    return [*lines, f"next: zoo run {place} {words}" if words else f"next: zoo verify {place}"]


def _photo(manifest: dict[str, Any], folder: Path) -> str:
    """Return the photo that travels with the export, as it can be typed; without one, a placeholder."""
    golden = manifest.get("golden_photo")
    return shlex.quote(str(folder / golden["file"])) if golden else "photo.jpg"


def _reads_text(manifest: dict[str, Any]) -> bool:
    """Return whether the only input is a text by a rule that `zoo run` applies."""
    rules = list(manifest.get("texts", {}).values())
    return len(manifest["inputs"]) == len(rules) == 1 and rules[0]["is_complete"] and rules[0]["count"] == 1


def _signed(manifest: dict[str, Any], folder: Path) -> list[str]:
    """Return the lines about the signature: whose it is, and which files in the folder it does not cover."""
    from export.bundle.read import read

    if manifest["signer"] is None:
        return []
    by, place = manifest["signer"]["fingerprint"], shlex.quote(str(folder))
    lines = [f"signed by {by}; to check it: zoo verify {place} --key PUBLIC"]
    if strangers := read(folder).strangers():
        lines.append(f"not covered by the signature, move them away: {', '.join(strangers)}")
    return lines

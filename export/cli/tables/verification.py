"""The result of a verification in the layout of an export's manifest."""

from __future__ import annotations

from typing import Any

from export.bundle.authenticity import State
from export.bundle.incomparable import says_incomparable
from export.bundle.verify import SCHEMA, Verification
from export.bundle.verify_file import VerifiedFile
from export.formats import FORMATS
from export.runtime.versions import version


def record(found: Verification) -> dict[str, Any]:
    """Return plain data with the keys of a manifest."""
    delivered = found.delivered
    return {
        "schema": SCHEMA,
        "folder": str(delivered.folder),
        "name": delivered.name,
        "title": delivered.title,
        "passed": found.passed,
        "signature": str(found.authenticity.state),
        "signer": found.authenticity.signer or None,
        "not_derivable": list(found.not_derivable),
        "checks": [check.record() for check in found.checks],
        "files": [_file(file) for file in found.files],
        "not_delivered": [],
        "unknown_files": delivered.strangers(),
        "recipe": {"precisions": list(dict.fromkeys(str(file.file.scheme) for file in found.files))},
        "weights": {"trained": delivered.trained, "reason": delivered.untrained_reason},
        "probe": {"count": found.count, "source": "golden inputs", "real": delivered.real},
        "evaluation": None,
        "versions": {tool: version(tool) for tool in _runtimes()},
        "versions_of_export": dict(delivered.versions),
    }


def _file(file: VerifiedFile) -> dict[str, Any]:
    return {
        "file": file.file.path.name,
        "format": file.file.format,
        "precision": str(file.file.scheme),
        "raised": dict(file.file.raised),
        "bytes": file.file.size_bytes,
        "comparisons": {name: comparison.record() for name, comparison in file.comparisons.items()},
        "checks": [check.record() for check in file.checks],
        "p50_ms": file.measured.p50_ms if file.measured else None,
        "scores": None,
        "trouble": file.trouble,
        "notes": [],
        "passed": file.passed,
    }


def legend(found: Verification) -> list[str]:
    """Return the lines below the table: what was compared, and what has changed since the export."""
    delivered = found.delivered
    if found.authenticity.state is State.INVALID:
        return ["no file was read or run, because the signature is not valid"]
    lines = [
        f"checked on the {found.count} inputs in golden.npz: same bytes, same outputs as at the export, and close to "
        "the recorded outputs of the Keras model, which SQNR and same top-1 refer to"
        if found.count
        else "no file could be run: only the bytes were compared",
    ]
    now = {tool: (version(tool) or "missing", delivered.versions.get(tool) or "unknown") for tool in _runtimes()}
    changed = [f"{tool} {here} (export: {then})" for tool, (here, then) in now.items() if here != then]
    lines += [f"runtime versions differ from the export: {', '.join(changed)}"] if changed else []
    lines += [f"{name} is not in the manifest: not verified" for name in delivered.strangers()]
    lines += _untrained(found)
    lines.append(found.authenticity.sentence)
    if found.not_derivable:
        lines.append(f"not derivable without a checked signature: {', '.join(found.not_derivable)}")
    return lines


def _runtimes() -> list[str]:
    return [file_format.runtime for file_format in FORMATS.values()]


def _untrained(found: Verification) -> list[str]:
    """Return why no threshold of accuracy was applied, and what stands behind that."""
    delivered = found.delivered
    if delivered.trained and delivered.real:
        return []
    untrained = f"untrained ({delivered.untrained_reason})"
    if says_incomparable(delivered.manifest):
        return [
            f"{untrained}: the files run as at the export; nothing can be compared with weights that magnify rounding"
        ]
    return [f"{untrained if not delivered.trained else 'the samples are noise'}: float parity is real, accuracy is not"]

"""The proof of a file of any maker as plain data, for JSON, the terminal and the report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from export.proof.foreign.edges import Edge
from export.proof.foreign.prove import IN_WORDS, ForeignProof

SCHEMA = "zoo-export proof of a file 1"


def record(proof: ForeignProof, path: Path) -> dict[str, Any]:
    """Return plain data with the keys of a manifest's file, and those of the model and the samples."""
    evidence, findings = proof.evidence, proof.findings
    file, subject = evidence.file, evidence.run.subject
    return {
        "schema": SCHEMA,
        "file": path.name,
        "format": file.format.name,
        "precision": str(evidence.scheme),
        "precision_in_words": IN_WORDS[evidence.scheme.name],
        "maker": file.opened.maker if file.opened is not None else "",
        "bytes": file.size,
        "sha256": file.sha256,
        "data": dict(file.data),
        "model": {"name": subject.name, "title": subject.title},
        "weights": {
            "name": subject.weights.name,
            "trained": subject.weights.trained,
            "reason": subject.weights.reason,
        },
        "probe": evidence.run.samples.probe.record(),
        "calibration": evidence.run.samples.calibration.record(),
        "verdict": verdict(proof),
        "passed": proof.proven,
        "missing": list(proof.missing),
        "faults": list(proof.faults),
        "remarks": list(proof.remarks),
        "checks": [check.record() for check in findings.checks],
        "checks_not_made": [{"id": id, **one.record()} for id, one in findings.not_made.items()],
        "comparisons": {name: one.record() for name, one in findings.comparisons.items()},
        "inputs": [asdict(spec) for spec in file.measured.inputs],
        "outputs": [asdict(spec) for spec in file.measured.outputs],
        "matched": {"inputs": [_edge(edge) for edge in file.inputs], "outputs": [_edge(one) for one in file.outputs]},
        "census": [asdict(op) for op in file.measured.census],
        "p50_ms": file.measured.p50_ms,
        "p90_ms": file.measured.p90_ms,
    }


def verdict(proof: ForeignProof) -> str:
    """Return "proven", "failed", or "not proven" if nothing failed but required checks could not be made."""
    if proof.failed:
        return "failed"
    return "proven" if proof.proven else "not proven"


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "model": edge.name,
        "file": edge.file_name,
        "by": edge.how,
        "channels_first": edge.axes is not None,
    }

"""Rows: our export and every peer, each quantized, run and scored; a failure is a row with its reason."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.cost import ZOO
from benchmarks.peers import environment
from benchmarks.peers.network import Network
from benchmarks.peers.quantizing import quantize, spend
from benchmarks.peers.registry import OURS, Peer
from benchmarks.peers.row import Row
from benchmarks.peers.scoring import Score, logits, score
from benchmarks.process import python
from export.process import RuntimeCrashError
from export.runtime.versions import version
from zoo.errors import CheckFailedError

EVALUATOR = ("onnxruntime", "ai-edge-litert", "numpy")
SCHEMA = 2  # of a stored row and of how it is measured

# How our files are exported: the row's title, whether the peers' calibration photos are used, more options.
# Calibration and proof share the photos of a folder; the proof gets few of them here, because peers have no proof.
FEW = ("--probe-count", "8")
PLAIN = ("--no-reconstruct", "--observer", "min-max")
RECIPES: tuple[tuple[str, bool, tuple[str, ...]], ...] = (
    ("zoo-export --int8", True, FEW),
    ("zoo-export --int8, built-in photos", False, ()),
    ("zoo-export --int8 --no-reconstruct --observer min-max", True, (*FEW, *PLAIN)),
)


def our_rows(network: Network) -> list[Row]:
    """Export `network` by every recipe and score both files; the cost of an export, proof included, is in both rows."""
    rows = []
    for title, same_photos, options in RECIPES:
        out = network.work / "ours"
        shutil.rmtree(out, ignore_errors=True)
        source = ["--calibration", str(network.calibration)] if same_photos else []
        words = [network.name, "--int8", "--keep-failed", "--out", str(out), "--json", *source, *options]
        cost, spent = spend(python("-c", ZOO, *words))
        empty = Row(title=title, suffix="", date=date.today().isoformat(), spent=spent, versions=_versions((OURS,)))
        if cost.code not in (0, 1):
            rows.append(replace(empty, reason=f"the export ended with code {cost.code}"))
            continue
        found: Any = json.loads(cost.output)
        for file in found["files"]:
            path = out / found["name"] / file["file"]
            row = replace(empty, suffix=path.suffix, title=title if file["passed"] else f"{title} (failed its proof)")
            rows.append(judge(row, path, network, camera_bytes=file["takes_camera_bytes"]))
    return rows


def peer_row(peer: Peer, network: Network, cache: Path) -> Row:
    """Measure the peer, and store and return its row."""
    made = quantize(peer, network.float_file(peer.reads), network.calibration_inputs, network.work, cache)
    row = Row(
        title=peer.title,
        suffix=peer.writes,
        date=date.today().isoformat(),
        reason=made.reason,
        spent=made.spent,
        versions=made.versions,
    )
    if made.path:
        row = judge(row, made.path, network, camera_bytes=False)
    if made.spent:  # an environment that could not be built is tried again in the next run
        row.write(_place(peer, network, cache), _key(peer, network))
    return row


def kept_row(peer: Peer, network: Network, cache: Path) -> Row | None:
    """Return the peer's row of an earlier run, if nothing that it depends on has changed since."""
    path = _place(peer, network, cache)
    return replace(Row.read(path), title=peer.title) if path.exists() else None


def judge(row: Row, path: Path, network: Network, *, camera_bytes: bool) -> Row:
    """Return the row with the score of the file at `path`, or with the reason why it has none."""
    row = replace(row, file_bytes=path.stat().st_size)
    try:
        return replace(row, score=_score(path, network, camera_bytes=camera_bytes))
    except (RuntimeCrashError, CheckFailedError) as error:
        return replace(row, reason=" ".join(str(error).split()))


def _score(path: Path, network: Network, *, camera_bytes: bool) -> Score:
    found, census = logits(path, network.samples, network.work, camera_bytes=camera_bytes)
    return score(reference=network.reference, actual=found, labels=network.labels, census=census)


def _place(peer: Peer, network: Network, cache: Path) -> Path:
    digest = hashlib.sha256(json.dumps(_key(peer, network), sort_keys=True).encode()).hexdigest()
    return cache / "results" / f"{network.name}-{peer.tool}-{digest[:16]}.json"


def _key(peer: Peer, network: Network) -> dict[str, Any]:
    """Return everything that the row depends on, except the machine."""
    theirs = environment.requirements(peer.environment) if peer.environment else _versions(peer.distributions)
    return {
        "schema": SCHEMA,
        "peer": peer.identity(),
        "versions": theirs,
        "evaluator": _versions(EVALUATOR),
        **network.data(),
    }


def _versions(distributions: tuple[str, ...]) -> dict[str, str | None]:
    return {name: version(name) for name in distributions}

"""Fact lists of report.html: data, origin, and the inputs and outputs of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from export.bundle.report.parts import Fact
from export.formats.requirements import Requirements, in_words


def data(manifest: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the samples that the files were calibrated, proven and evaluated on."""
    yield _samples("proof (probe)", manifest["probe"])
    if calibration := manifest["calibration"]:
        yield _samples("calibration", calibration)
        yield Fact("observer of ranges", calibration["observer"])
        if stability := calibration["stability"]:
            worst = f"{stability['worst']:.0%} (maximum, {stability['worst_tensor']})"
            yield Fact("ranges of two halves", f"differ by {stability['median']:.0%} (median), {worst}")
    if evaluation := manifest["evaluation"]:
        yield Fact("evaluation", f"{evaluation['count']} labelled samples, {evaluation['samples']['source']}")
    for name, contract in manifest["inputs"].items():
        yield Fact(f"input {name}", _joined(contract.items()))


def origin(manifest: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the weights, the tool versions and the machine of the export."""
    weights = manifest["weights"]
    source = f"{weights['name']}, from {weights['source']}" if weights["trained"] else f"none: {weights['reason']}"
    yield Fact("weights", source, digest=weights["sha256"] or "")
    yield Fact("versions", _joined((tool, version or "missing") for tool, version in manifest["versions"].items()))
    yield Fact("machine", _joined(manifest["machine"].items()))


def edges(file: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield a file's inputs and outputs, its latency and its digest."""
    for kind in ("inputs", "outputs"):
        for spec in file[kind]:
            yield Fact(kind.removesuffix("s"), _edge(spec), code=spec["name"])
    if file["takes_camera_bytes"]:
        yield Fact("feed", "the uint8 photo without normalisation")
    if found := file.get("greedy_continuation"):  # exports of earlier versions have none
        same = ", ".join(map(str, found["same"]))
        yield Fact("continuation", f"the model's likeliest tokens: the first {same} of {found['tokens']}, by text")
    if found := file.get("requirements"):  # exports of earlier versions have none
        sentences = in_words(Requirements(**found), sum(op["count"] for op in file["census"]))
        yield Fact("requires", "; ".join(sentences))
    if file["p50_ms"] is not None:
        yield Fact("latency", f"p50 {file['p50_ms']:.3g} ms, p90 {file['p90_ms']:.3g} ms, one thread")
    if file["sha256"]:
        yield Fact("sha256", "", code=file["sha256"])


def _samples(name: str, record: Mapping[str, Any]) -> Fact:
    noise = "" if record["real"] else "; noise"
    words = f"{record['count']} samples: {record['source']}; seed {record['seed']}{noise}"
    return Fact(name, words, digest=record["sha256"])


def _edge(spec: Mapping[str, Any]) -> str:
    words = f"{spec['dtype']} {' x '.join(str(size) for size in spec['shape'])}"
    if spec["scale"] is None or spec["zero_point"] is None:
        return words
    return f"{words}; real = {spec['scale']:.6g} * (stored - {spec['zero_point']})"


def _joined(pairs: Iterable[tuple[str, Any]]) -> str:
    """Return "height 224, scale 0.0039, ..."."""
    return ", ".join(f"{name} {_word(value)}" for name, value in pairs)


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(dict.fromkeys(_word(item) for item in value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)

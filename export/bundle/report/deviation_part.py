"""The section of report.html about one file's differences from the Keras model: changed classes and largest errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export.bundle.report.image import data_uri
from export.bundle.report.parts import Column, Table
from export.metrics import EQUAL_SQNR_DB
from export.metrics.near_ties import NEAR_TIE

_COLUMNS = (
    Column("Keras model → file"),
    Column("times", "number"),
    Column("near ties", "number"),
    Column("model's lead, %", "number"),
    Column("file's lead, %", "number"),
)


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The changed classes of one output."""

    lines: Sequence[str]
    table: Table


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a prediction; `length` of its bar in percent, None without a bar."""

    title: str
    words: str
    length: float | None


@dataclass(frozen=True, kw_only=True)
class Side:
    """The prediction of the model or of the file for one sample."""

    heading: str
    lines: Sequence[Line]
    nothing: str


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample with a large error.

    Attributes:
        title: its number.
        lines: its error in words.
        is_changed: whether the two have another best prediction, or other objects.
        sides: what the model and the file predict.
        photo: as a data URI; empty without one.
        masks: masks of the model, of the file, and their difference as a data URI; empty without them.
        size: width and height of the photo in the unit of the boxes.
        boxes: left, top, width and height by the style of the box.
    """

    title: str
    lines: Sequence[str]
    is_changed: bool
    sides: Sequence[Side]
    photo: str
    masks: str
    size: tuple[int, int]
    boxes: Sequence[tuple[str, tuple[int, int, int, int]]]


@dataclass(frozen=True, kw_only=True)
class DeviationPart:
    """The section of the page."""

    file: str
    confusions: Sequence[Confusion]
    samples: Sequence[Sample]
    legend: Sequence[str]


def part(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> DeviationPart | None:
    """Return the section; None if the manifest has no such comparison.

    Args:
        manifest: the manifest.
        files: the pictures beside the report, by name.
    """
    found = manifest.get("deviations")
    if not found:
        return None
    records = (*manifest["files"], *manifest["not_delivered"])
    precision = next((file["precision"] for file in records if file["file"] == found["file"]), "file")
    several = len(found["confusions"]) > 1
    return DeviationPart(
        file=found["file"],
        confusions=[_confusion(name if several else "", one) for name, one in found["confusions"].items()],
        samples=[_sample(one, manifest["probe"]["count"], precision, files) for one in found["samples"]],
        legend=_legend(manifest, files),
    )


def _legend(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> list[str]:
    samples = manifest["deviations"]["samples"]
    if not samples:
        return []
    numbered = "" if any(one.get("photo") in files for one in samples) else "; samples are numbered in their order"
    probe = manifest["probe"]
    lines = [
        f"from the {probe['count']} samples of the proof ({probe['source']}){numbered}; "
        "shares are of the squared error of all samples"
    ]
    if any(one.get("masks") in files for one in samples):
        lines.append("masks: the Keras model, the file, and in white the pixels that differ")
    if any(one["model"]["boxes"] or one["file"]["boxes"] for one in samples):
        lines.append("boxes: dashed by the Keras model, solid by the file")
    return lines


def _confusion(output: str, found: Mapping[str, Any]) -> Confusion:
    count, changed, unit = found["count"], found["changed"], found["unit"]
    of = f"{output}: " if output else ""
    if not changed:
        return Confusion(lines=[f"{of}the same class for all {count} {unit}"], table=Table(_COLUMNS, ()))
    lines = [
        f"{of}another class for {changed} of {count} {unit} ({_percent(changed / count)}): {_near(found)}; in a near "
        f"tie, the model's probabilities of the two classes differ by at most {100 * NEAR_TIE:.0f} %"
    ]
    if found["more_pairs"]:
        lines.append(f"{found['more_pairs']} rarer pairs are not shown")
    rows = [
        [
            f"{one['model']} → {one['file']}",
            str(one["count"]),
            str(one["near_ties"]),
            f"{100 * one['model_margin']:.1f}",
            f"{100 * one['file_margin']:.1f}",
        ]
        for one in found["pairs"]
    ]
    return Confusion(lines=lines, table=Table(_COLUMNS, rows))


def _near(found: Mapping[str, Any]) -> str:
    near, clear = found["near_ties"], found["changed"] - found["near_ties"]
    if not clear:
        return "all near ties"
    return f"{near} near ties, {clear} changes of a clear prediction"


def _sample(one: Mapping[str, Any], count: int, precision: str, files: Mapping[str, bytes]) -> Sample:
    exact = one["sqnr_db"] >= EQUAL_SQNR_DB
    lines = [f"{_percent(one['share'])} of the error", "equal" if exact else f"SQNR {one['sqnr_db']:.1f} dB"]
    if one["changed_pixels"] is not None:
        lines.append(f"{_percent(one['changed_pixels'])} of the pixels differ")
    width, height = one.get("size", (1, 1))
    photo = data_uri(one.get("photo"), files)
    return Sample(
        title=f"sample {one['number']} of {count}",
        lines=lines,
        is_changed=_names(one["model"]) != _names(one["file"]),
        sides=[
            _side(name, one[key], has_photo=bool(photo))
            for name, key in (("Keras model", "model"), (precision, "file"))
        ],
        photo=photo,
        masks=data_uri(one.get("masks"), files),
        size=(width, height),
        boxes=[(style, _box(box)) for style in ("file", "model") for box in one[style]["boxes"]],
    )


def _names(found: Mapping[str, Any]) -> list[str]:
    """Return the name of the best prediction, or of all objects."""
    names = [row["title"] for row in found["rows"]]
    return sorted(names) if found["boxes"] else names[:1]


def _side(heading: str, found: Mapping[str, Any], *, has_photo: bool) -> Side:
    is_object = bool(found["boxes"])
    lines = [_line(row, is_object=is_object, has_photo=has_photo) for row in found["rows"]]
    return Side(heading=heading, lines=lines, nothing=found["nothing"])


def _line(row: Mapping[str, Any], *, is_object: bool, has_photo: bool) -> Line:
    """Return a row: its share, its own words, or an object with its place unless a box on the photo shows it."""
    title, text, share = row["title"], row["text"], row["share"]
    if is_object:
        title, text = (title if has_photo else f"{title} ({text})"), ""
    return Line(title=title, words=text or _percent(share), length=round(100 * share, 1) if share else None)


def _box(sides: Sequence[int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = sides
    return left, top, max(1, right - left), max(1, bottom - top)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"

"""Candidate files of a budget search: how one is built, measured and timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from calibration.samples import Array
from export import process
from export.analysis.budget.point import Point
from export.analysis.evaluation import Labelled
from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY
from export.metrics import OutputKind, compare
from export.model import entries
from export.quantization.build import MadeFile, float_content, quantized
from export.quantization.described import described_bytes
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase, base_of
from export.quantization.memo import Memo
from export.quantization.requested import Key
from export.recipe import Width
from export.runtime.jobs.timing import time_in_turns
from export.runtime.run_file import Measurement, measure
from export.scheme import FLOAT32, SCHEMES, Scheme

ROUNDS, RUNS = 3, 20  # For timing files that are compared with each other.
TIMEOUT_SECONDS = 3600


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchInputs:
    """What a budget search starts from.

    Attributes:
        run: the export.
        floats: the float32 files.
        expected: outputs of the Keras model for the probe (N, ...), by name.
        photos: labelled data, if given.
    """

    run: ExportRun
    floats: Mapping[Key, MadeFile]
    expected: Mapping[str, Array]
    photos: Labelled | None


class Candidate(NamedTuple):
    """One file that a search may choose.

    Attributes:
        format: name of the format.
        scheme: the precision.
        raised: layers of an int8 file in higher precision, by descending share of the output error.
    """

    format: str
    scheme: Scheme
    raised: tuple[tuple[str, Width], ...] = ()

    @classmethod
    def of(cls, point: Point) -> Candidate:
        """Return the candidate that a point was measured on."""
        return cls(point.format, point.scheme, tuple(point.raised.items()))

    def is_alike(self, other: Candidate) -> bool:
        """Return whether both are the same file, up to the format."""
        return self[1:] == other[1:]


def base(inputs: SearchInputs, once: Memo, weight_bits: int, raised: Mapping[str, Width]) -> IntegerBase:
    """Return the base of integer files with these raised layers.

    Raises:
        ConversionError: the float file could not be converted.
        ZooError: see `base_of`.
    """
    content = float_content(inputs.floats)
    return base_of(inputs.run, content, tuple(SCHEMES.values()), weight_bits, raised, once)


def made(inputs: SearchInputs, once: Memo, candidate: Candidate) -> MadeFile:
    """Return the file of a candidate, or the reason why it could not be built.

    Raises:
        ConversionError: the float file could not be converted.
        ZooError: see `base_of`.
    """
    name, scheme, raised = candidate
    if scheme == FLOAT32:
        return inputs.floats[name, scheme]
    siblings = {
        (other, scheme): once(made, inputs, once, candidate._replace(format=other))
        for other in FORMATS[name].needs(scheme)
    }
    bits = scheme.weight_bits
    bases = {bits: base(inputs, once, bits, dict(raised))} if scheme.has_integer_weights else {}
    return quantized(inputs.run, (name, scheme), dict(raised), {**inputs.floats, **siblings}, bases)


def measured(inputs: SearchInputs, once: Memo, candidate: Candidate) -> Point:
    """Return the measurements of a candidate.

    Raises:
        ConversionError: the file cannot be converted.
        RuntimeCrashError: the runtime cannot run the file.
        CheckFailedError: the outputs contain NaN or infinity.
    """
    run, photos = inputs.run, inputs.photos
    file = once(made, inputs, once, candidate)
    if file.trouble:
        raise ConversionError(file.trouble)
    path, camera_bytes = file.on_disk(run.work), run.takes_camera_bytes(candidate.scheme)
    found = measure(path, run.samples.probe_folder, camera_bytes=camera_bytes, hurry=True)
    scores = photos.scores(path, camera_bytes=camera_bytes) if photos else None
    sqnr_db, changed = _fidelity(inputs.expected, found, entries.output_kinds(inputs.run.subject))
    return Point(
        scheme=candidate.scheme,
        raised=dict(candidate.raised),
        format=candidate.format,
        bytes=described_bytes(run, file),
        p50_ms=found.p50_ms,
        sqnr_db=sqnr_db,
        changed=changed,
        score=scores[photos.headline.key] if photos and scores else None,
        lost=photos.lost(scores) if photos and scores else None,
        arena_bytes=_arena_bytes(inputs, file),
    )


def _arena_bytes(inputs: SearchInputs, file: MadeFile) -> int | None:
    """Return the RAM of a file on a microcontroller; None if the budget or the format are not for one.

    Raises:
        ConversionError: it has operators that none has.
    """
    if not inputs.run.recipe.budget.is_for_microcontroller or file.format != PRIMARY.name:
        return None
    content = file.content.read()
    footprint = PRIMARY.footprint(content)
    if footprint.lacking:
        raise ConversionError(f"microcontrollers lack {', '.join(footprint.lacking)}")
    if any("FLOAT32" in edge for edge in PRIMARY.edges(content)):  # as those of a raised layer are
        raise ConversionError("its inputs and outputs are not all integers")
    return footprint.given_bytes


def timed_again(inputs: SearchInputs, once: Memo, points: Sequence[Point]) -> list[Point]:
    """Time points again, alternating between the files, and return them with their lowest latency.

    Alternating distributes disturbances of the machine over all files.
    """
    if len(points) < 2:
        return list(points)
    inputs.run.progress.step(f"measure the latency of {len(points)} files")
    files = [once(made, inputs, once, Candidate.of(point)) for point in points]
    paths = [file.on_disk(inputs.run.work) for file in files]
    result = process.call(time_in_turns, timeout_s=TIMEOUT_SECONDS, paths=paths, rounds=ROUNDS, runs=RUNS, threads=1)
    times = result["p50_ms"]
    return [replace(point, p50_ms=min(point.p50_ms, again)) for point, again in zip(points, times, strict=True)]


def _fidelity(
    expected: Mapping[str, Array], found: Measurement, kinds: Mapping[str, OutputKind]
) -> tuple[float, float | None]:
    """Return the SQNR of the worst output, and the share of changed predictions; None without predictions."""
    real = found.real
    compared = [compare(reference=expected[name], actual=real[name], kind=kinds[name]) for name in expected]
    agreements = [one.prediction_agreement for one in compared if one.prediction_agreement is not None]
    return min(one.sqnr_db for one in compared), (1 - min(agreements) if agreements else None)

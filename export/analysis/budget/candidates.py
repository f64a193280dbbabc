"""Candidate files of a budget search; each is quantized and measured once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from calibration.samples import Array
from export import process
from export.analysis.budget.point import Point
from export.analysis.evaluation import Labelled
from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY, Format
from export.metrics import are_classes, compare
from export.quantization.build import Key, MadeFile, quantized
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase, integer_base, kept_layers, with_tensor_map
from export.recipe import Width
from export.runtime.jobs.timing import time_in_turns
from export.runtime.run_file import Measurement, measure
from export.scheme import FLOAT32, SCHEMES, Scheme

ROUNDS, RUNS = 3, 20  # For timing files that are compared with each other.
TIMEOUT_SECONDS = 3600


# Layers in higher precision in an int8 file, by descending share of the output error.
Raised = tuple[tuple[str, Width], ...]
Candidate = tuple[str, Scheme, Raised]  # Format, precision, layers in higher precision.


@dataclass
class Candidates:
    """The candidate files of one export.

    Attributes:
        run: the export.
        floats: the float32 files.
        expected: outputs of the Keras model for the probe (N, ...), by name.
        photos: labelled data, if given.
        points: the candidates measured so far.
        files: the files written so far.
        kept: layers with float32 weights, by the raised layers that require them.
        bases: bases of integer files, by the layers with float32 weights.
    """

    run: ExportRun
    floats: Mapping[Key, MadeFile]
    expected: Mapping[str, Array]
    photos: Labelled | None
    points: dict[Candidate, Point] = field(default_factory=dict)
    files: dict[Candidate, MadeFile] = field(default_factory=dict)
    kept: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    bases: dict[frozenset[str], IntegerBase] = field(default_factory=dict)

    def measure(
        self, scheme: Scheme, raised: Mapping[str, Width] | None = None, file_format: Format = PRIMARY
    ) -> Point:
        """Return the measurements of a candidate.

        Raises:
            ConversionError: the file cannot be converted.
            RuntimeCrashError: the runtime cannot run the file.
            CheckFailedError: the outputs contain NaN or infinity.
        """
        candidate = file_format.name, scheme, tuple((raised or {}).items())
        if candidate not in self.points:
            self.points[candidate] = self._measured(candidate)
        return self.points[candidate]

    def make(self, candidate: Candidate) -> MadeFile:
        """Return the file of a candidate.

        Raises:
            ConversionError: the file cannot be converted.
        """
        name, scheme, raised = candidate
        if scheme == FLOAT32:
            file = self.floats[name, scheme]
        elif candidate in self.files:
            file = self.files[candidate]
        else:
            siblings: dict[Key, MadeFile] = {
                (other, scheme): self._try_to_make((other, scheme, raised)) for other in FORMATS[name].needs(scheme)
            }
            base = self.base(dict(raised), with_map=bool(raised)) if scheme.has_integer_weights else None
            file = quantized(self.run, (name, scheme), dict(raised), {**self.floats, **siblings}, base)
            self.files[candidate] = file
        if file.trouble:
            raise ConversionError(file.trouble)
        return file

    def base(self, raised: Mapping[str, Width], *, with_map: bool = False) -> IntegerBase:
        """Return the base from which integer files with these raised layers are quantized.

        Each set of layers with float32 weights has its own base, because it changes the inputs of the other layers.

        Args:
            raised: widths by layer.
            with_map: whether the base needs a map from tensors to layers.

        Raises:
            ConversionError: the float file could not be converted.
            ZooError: see `with_tensor_map`.
        """
        file = self.floats[PRIMARY.name, FLOAT32]
        if file.trouble:
            raise ConversionError(f"the float file could not be converted: {file.trouble}")
        in_float = frozenset(layer for layer, width in raised.items() if width is Width.FLOAT32)
        if in_float not in self.kept:
            self.kept[in_float] = kept_layers(self.run, file.content, raised)
        kept = self.kept[in_float]
        if kept not in self.bases:
            self.bases[kept] = integer_base(self.run, file.content, schemes=tuple(SCHEMES.values()), kept=kept)
        if with_map:
            self.bases[kept] = with_tensor_map(self.run, self.bases[kept])
        return self.bases[kept]

    def drop(self, point: Point) -> None:
        """Remove a file that cannot be delivered from the candidates of all formats."""
        same = point.scheme, tuple(point.raised.items())
        for candidate in [candidate for candidate in self.points if candidate[1:] == same]:
            del self.points[candidate]

    def timed_again(self, points: Sequence[Point]) -> list[Point]:
        """Time points again, alternating between the files, and return them with their lowest latency.

        Alternating distributes disturbances of the machine over all files.
        """
        if len(points) < 2:
            return list(points)
        self.run.progress.step(f"measure the latency of {len(points)} files")
        paths = [self._path(candidate_of(point)) for point in points]
        result = process.call(
            time_in_turns, timeout_s=TIMEOUT_SECONDS, paths=paths, rounds=ROUNDS, runs=RUNS, threads=1
        )
        times = result["p50_ms"]
        return [self._with_time(point, min(point.p50_ms, again)) for point, again in zip(points, times, strict=True)]

    def files_of(self, point: Point) -> list[MadeFile]:
        """Return the files with a point's precision and raised layers, in all formats."""
        same = point.scheme, tuple(point.raised.items())
        return [file for candidate, file in self.files.items() if candidate[1:] == same and not file.trouble]

    def _try_to_make(self, candidate: Candidate) -> MadeFile:
        try:
            return self.make(candidate)
        except ConversionError as error:
            return MadeFile(format=candidate[0], scheme=candidate[1], trouble=str(error))

    def _measured(self, candidate: Candidate) -> Point:
        name, scheme, raised = candidate
        camera_bytes = self.run.takes_camera_bytes(scheme)
        file, path = self.make(candidate), self._path(candidate)
        measured = measure(path, self.run.samples.probe_folder, camera_bytes=camera_bytes, hurry=True)
        scores = self.photos.scores(path, camera_bytes=camera_bytes) if self.photos else None
        sqnr_db, changed = self._fidelity(measured)
        return Point(
            scheme=scheme,
            raised=dict(raised),
            format=name,
            bytes=len(file.content),
            p50_ms=measured.p50_ms,
            sqnr_db=sqnr_db,
            changed=changed,
            score=scores[self.photos.headline.key] if self.photos and scores else None,
            lost=self.photos.lost(scores) if self.photos and scores else None,
        )

    def _fidelity(self, measured: Measurement) -> tuple[float, float | None]:
        """Return the SQNR of the worst output, and the share of changed predictions; None without classes."""
        classes = are_classes(self.expected)
        compared = [
            compare(reference=self.expected[name], actual=measured.real[name], classes=classes)
            for name in self.expected
        ]
        agreements = [one.top1_agreement for one in compared if one.top1_agreement is not None]
        return min(one.sqnr_db for one in compared), (1 - min(agreements) if agreements else None)

    def _path(self, candidate: Candidate) -> Path:
        """Return the path of a candidate's file, in a folder for its precision and raised layers."""
        tried = list(dict.fromkeys(other[1:] for other in self.files))
        folder = self.run.work / f"candidate-{tried.index(candidate[1:])}" if candidate in self.files else self.run.work
        folder.mkdir(exist_ok=True)
        return self.make(candidate).on_disk(folder)

    def _with_time(self, point: Point, p50_ms: float) -> Point:
        candidate = next(candidate for candidate, known in self.points.items() if known is point)
        self.points[candidate] = replace(point, p50_ms=p50_ms)
        return self.points[candidate]


def candidate_of(point: Point) -> Candidate:
    """Return the candidate that a point was measured on."""
    return point.format, point.scheme, tuple(point.raised.items())

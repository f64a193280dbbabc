"""Files that are made to be measured: what each costs, and what it keeps."""

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
from export.quantization.build import Making
from export.recipe import Precision, Width
from export.runtime.jobs.timing import time_in_turns
from export.runtime.run_file import Measurement, measure

ROUNDS, RUNS = 3, 20  # of timing files that are compared with each other
TIMEOUT_SECONDS = 3600

Key = tuple[str, Precision, tuple[tuple[str, Width], ...]]  # format, precision, raised layers


@dataclass
class Trials:
    """One export's candidates, each made and measured once.

    Attributes:
        making: of the export; it keeps the files that do not change with the trial.
        expected: what the Keras model says of the probe, (N, ...) by output.
        photos: labelled data, if given.
        points: measured so far.
    """

    making: Making
    expected: Mapping[str, Array]
    photos: Labelled | None
    points: dict[Key, Point] = field(default_factory=dict)
    _makings: dict[tuple[tuple[str, Width], ...], Making] = field(default_factory=dict)

    def point(
        self, precision: Precision, raised: Mapping[str, Width] | None = None, file_format: Format = PRIMARY
    ) -> Point:
        """Return the file of that precision, measured.

        Raises:
            ConversionError: it cannot be made.
            RuntimeCrashError: it cannot be run.
            CheckFailedError: it gives NaN or infinity.
        """
        key = file_format.name, precision, tuple((raised or {}).items())
        if key not in self.points:
            self.points[key] = self._measured(file_format, precision, raised or {})
        return self.points[key]

    def content(self, precision: Precision, raised: Mapping[str, Width], file_format: Format = PRIMARY) -> bytes:
        """Return that file.

        Raises:
            ConversionError: it cannot be made.
        """
        making = self.made(precision, raised)
        if making is not self.making and self.making.content(file_format, Precision.FLOAT32) is not None:
            key = file_format.name, Precision.FLOAT32
            making.contents.setdefault(key, self.making.contents[key])
        content = making.content(file_format, precision)
        if content is None:
            raise ConversionError(making.troubles[file_format.name, precision])
        return content

    def made(self, precision: Precision, raised: Mapping[str, Width]) -> Making:
        """Return what makes files with these layers raised: one of its own for int8, which changes with them."""
        if precision is not Precision.INT8:
            return self.making
        key = tuple(raised.items())
        if key not in self._makings:
            self.making.observed_ranges(precision)  # and reconstructs the model: once, for all
            work = self.making.work / f"trial-{len(self._makings)}"
            work.mkdir()
            floats = {known: file for known, file in self.making.contents.items() if known[1] is Precision.FLOAT32}
            recipe = replace(self.making.recipe, precisions=(precision,), raised=dict(raised))
            made = replace(self.making, recipe=recipe, work=work, contents=floats, troubles={})
            if Width.FLOAT32 in raised.values():  # whose weights are not rounded: the others are, for other inputs
                made = replace(made, observations={}, narrowed={}, reconstruction=None, base=None, _attributions=None)
            self._makings[key] = made
        return self._makings[key]

    def drop(self, point: Point) -> None:
        """Forget a file that cannot be delivered, in all formats."""
        same = point.precision, tuple(point.raised.items())
        for key in [key for key in self.points if key[1:] == same]:
            del self.points[key]

    def _measured(self, file_format: Format, precision: Precision, raised: Mapping[str, Width]) -> Point:
        content, making = self.content(precision, raised, file_format), self.made(precision, raised)
        camera_bytes = making.takes_camera_bytes(precision)
        path = making.path(file_format, precision, content)
        measured = measure(path, making.samples.probe_folder, camera_bytes=camera_bytes, hurry=True)
        scores = self.photos.scores(path, camera_bytes=camera_bytes) if self.photos else None
        sqnr_db, changed = self._kept(measured)
        return Point(
            precision=precision,
            raised=dict(raised),
            format=file_format.name,
            bytes=len(content),
            p50_ms=measured.p50_ms,
            sqnr_db=sqnr_db,
            changed=changed,
            score=scores[self.photos.headline.key] if self.photos and scores else None,
            lost=self.photos.lost(scores) if self.photos and scores else None,
        )

    def _kept(self, measured: Measurement) -> tuple[float, float | None]:
        """Return the SQNR of the worst output, and the share of changed answers, if there are classes."""
        classes = are_classes(self.expected)
        compared = [
            compare(reference=self.expected[name], actual=measured.real[name], classes=classes)
            for name in self.expected
        ]
        agreements = [one.top1_agreement for one in compared if one.top1_agreement is not None]
        return min(one.sqnr_db for one in compared), (1 - min(agreements) if agreements else None)

    def timed_again(self, points: Sequence[Point]) -> list[Point]:
        """Return points with the least of several times, taken in turns: what else the machine does hits all alike."""
        if len(points) < 2:
            return list(points)
        self.making.progress.step(f"time {len(points)} files in turns")
        paths = [self._path(point) for point in points]
        answer = process.call(
            time_in_turns, timeout_s=TIMEOUT_SECONDS, paths=paths, rounds=ROUNDS, runs=RUNS, threads=1
        )
        times = answer["p50_ms"]
        return [self._with_time(point, min(point.p50_ms, again)) for point, again in zip(points, times, strict=True)]

    def _path(self, point: Point) -> Path:
        making, file_format = self.made(point.precision, point.raised), FORMATS[point.format]
        return making.path(file_format, point.precision, self.content(point.precision, point.raised, file_format))

    def _with_time(self, point: Point, p50_ms: float) -> Point:
        key = next(key for key, known in self.points.items() if known is point)
        self.points[key] = replace(point, p50_ms=p50_ms)
        return self.points[key]

    def settle(self, point: Point) -> None:
        """Let the export's own making go on with that point: its files are made already."""
        made = self.made(point.precision, point.raised)
        self.making.recipe = replace(self.making.recipe, raised=dict(point.raised))
        if made.reconstruction is not self.making.reconstruction:
            self._take_over(made)
        self.making.observations.update(made.observations)
        for name in FORMATS:
            if (name, point.precision) in made.contents:
                self.making.contents[name, point.precision] = made.contents[name, point.precision]

    def _take_over(self, made: Making) -> None:
        """Let the export's own making go on with another model: of the old one nothing is left, its files neither."""
        ours = self.making
        ours.reconstruction, ours.base, ours.work = made.reconstruction, made.base, made.work
        ours.narrowed, ours._attributions = made.narrowed, made._attributions
        ours.observations.clear()
        for key in [key for key in ours.contents if key[1].has_integer_weights]:
            del ours.contents[key]

"""Making the files of every precision and format, and proving each.

The float file comes first, so that a fault of quantization is never blamed on conversion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from calibration.ranges import Ranges
from calibration.samples import Array
from calibration.store import Draw
from export import child, convention, proof, provenance
from export.artifact import Artifact
from export.errors import ConversionError
from export.measure import Measurement, measure
from export.models import Subject
from export.notes import notes
from export.progress import Progress
from export.recipe import Io, Precision, Recipe
from export.targets import TARGETS, QuantizationPlan, Target, find
from zoo.errors import OutsideError, UsageProblemError

# The format whose runtime shows every tensor, so that ranges are observed there.
OBSERVED = "tflite"


@dataclass
class Assembly:
    """One export's files in the making."""

    subject: Subject
    recipe: Recipe
    samples: Draw
    expected: Mapping[str, Array]
    work: Path
    progress: Progress
    ranges: Ranges | None = None
    stability: Mapping[str, Any] | None = None
    contents: dict[tuple[str, Precision], bytes] = field(default_factory=dict)
    measurements: dict[tuple[str, Precision], Measurement] = field(default_factory=dict)
    _troubles: dict[tuple[str, Precision], str] = field(default_factory=dict)
    _artifacts: dict[tuple[str, Precision], Artifact] = field(default_factory=dict)

    @property
    def formats(self) -> tuple[Target, ...]:
        """The formats that the recipe asks for, in the order in which they are made."""
        asked = {find(name).name for name in self.recipe.formats} or set(TARGETS)
        return tuple(target for target in TARGETS.values() if target.name in asked)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """float32 first, asked for or not: the others are measured against it."""
        return (Precision.FLOAT32, *(p for p in self.recipe.precisions if p is not Precision.FLOAT32))

    def artifacts(self) -> list[Artifact]:
        """Return one artifact per precision and format, proven or with its trouble."""
        found = [artifact for precision in self.precisions for artifact in self._of_precision(precision)]
        floats = {artifact.format: artifact for artifact in found if artifact.precision is Precision.FLOAT32}
        return [replace(artifact, notes=notes(artifact, floats[artifact.format])) for artifact in found]

    def stored(self, artifacts: list[Artifact]) -> dict[str, Mapping[str, Array]]:
        """Return what the files said of the probe, as they store it, by file name."""
        return {
            artifact.file_name: self.measurements[artifact.format, artifact.precision].stored
            for artifact in artifacts
            if (artifact.format, artifact.precision) in self.measurements
        }

    def io(self, precision: Precision) -> Io:
        """Return the type of inputs and outputs: camera bytes where the preprocessing allows it."""
        if precision is not Precision.INT8:
            return Io.FLOAT32
        return self.recipe.io or (Io.UINT8 if self.camera_range else Io.FLOAT32)

    @property
    def camera_range(self) -> convention.CameraRange | None:
        """What the bytes 0 and 255 mean, where one scale and offset say it."""
        return convention.camera_range(self.subject.preprocessing)

    def takes_camera_bytes(self, precision: Precision) -> bool:
        """Whether the input of the files of that precision is a photo's own bytes."""
        return self.io(precision) is Io.UINT8 and self.camera_range is not None

    def _of_precision(self, precision: Precision) -> Iterator[Artifact]:
        for target in self.formats:
            yield self.artifact(target, precision)

    def artifact(self, target: Target, precision: Precision) -> Artifact:
        """Return one file, made and proven once."""
        key = target.name, precision
        if key not in self._artifacts:
            self._artifacts[key] = self._proven(target, precision)
        return self._artifacts[key]

    def _proven(self, target: Target, precision: Precision) -> Artifact:
        empty = Artifact(name=self.subject.name, format=target.name, precision=precision, suffix=target.suffix)
        content = self.content(target, precision)
        if content is None:
            return replace(empty, trouble=self._troubles[target.name, precision])
        self.progress.step(f"prove the {precision} .{target.name}")
        try:
            measured = self._measurement(target, precision, content)
        except (OutsideError, UsageProblemError) as error:
            return replace(empty, content=content, trouble=str(error))
        proven = proof.prove(self.expected, measured.real, precision, judge=self._judges(precision))
        return replace(
            empty,
            content=content,
            inputs=measured.inputs,
            outputs=measured.outputs,
            comparisons=proven.comparisons,
            checks=(
                *proven.checks,
                *self._storage(target, precision, content),
                *self._convention(precision, measured),
                *self._agreement(target, precision),
                *self._provenance(target, precision),
            ),
            census=measured.census,
            takes_camera_bytes=self.takes_camera_bytes(precision),
            p50_ms=measured.p50_ms,
            p90_ms=measured.p90_ms,
        )

    def _judges(self, precision: Precision) -> bool:
        """Whether a comparison has bars: on random weights or noise int8 and its kin say nothing."""
        return precision is Precision.FLOAT32 or (self.subject.weights.trained and self.samples.probe.real)

    def content(self, target: Target, precision: Precision) -> bytes | None:
        """Return the file, made once; None if that failed."""
        key = target.name, precision
        if key not in self.contents and key not in self._troubles:
            try:
                self.contents[key] = self._make(target, precision)
            except (ConversionError, OutsideError) as error:
                self._troubles[key] = str(error)
        return self.contents.get(key)

    def _make(self, target: Target, precision: Precision) -> bytes:
        if precision is Precision.FLOAT32:
            self.progress.step(f"convert to .{target.name}")
            return target.convert(self.subject.model)
        siblings = {
            name: content
            for name, other in TARGETS.items()
            if name in target.needs(precision) and (content := self.content(other, precision)) is not None
        }
        missing = [name for name in target.needs(precision) if name not in siblings]
        if missing:
            raise ConversionError(f"it is derived from the .{missing[0]}: {self._troubles[missing[0], precision]}")
        float_file = self.content(target, Precision.FLOAT32)
        if float_file is None:
            raise ConversionError(f"there is no float file: {self._troubles[target.name, Precision.FLOAT32]}")
        self.progress.step(f"quantize the .{target.name} to {precision}")
        return target.quantize(float_file, self._plan(precision), siblings)

    def _plan(self, precision: Precision) -> QuantizationPlan:
        if precision.needs_calibration and self.ranges is None:
            self._observe()
        camera, image = self.camera_range, next(iter(self.samples.probe.inputs))
        return QuantizationPlan(
            precision=precision,
            io=self.io(precision),
            ranges=self.ranges if precision.needs_calibration else None,
            input_ranges={image: camera} if camera else {},
        )

    def _observe(self) -> None:
        self.progress.step("observe the ranges")
        float_file = self.content(TARGETS[OBSERVED], Precision.FLOAT32)
        if float_file is None:
            raise ConversionError("ranges are observed in the float file, which there is not")
        path = self._file(TARGETS[OBSERVED], Precision.FLOAT32, float_file)
        try:
            answer = child.call(
                "observe", path=path, samples=self.samples.calibration_folder, observer=self.recipe.observer
            )
        except UsageProblemError as error:  # this precision is not for this model; the others may be
            raise ConversionError(str(error)) from error
        self.ranges, self.stability = Ranges.from_record(answer["ranges"]), answer["stability"]

    def _measurement(self, target: Target, precision: Precision, content: bytes) -> Measurement:
        key = target.name, precision
        if key not in self.measurements:
            path = self._file(target, precision, content)
            self.measurements[key] = measure(
                path, self.samples.probe_folder, camera_bytes=self.takes_camera_bytes(precision)
            )
        return self.measurements[key]

    def _storage(self, target: Target, precision: Precision, content: bytes) -> tuple[proof.Check, ...]:
        float_file = self.content(target, Precision.FLOAT32)
        if precision is Precision.FLOAT32 or float_file is None:
            return ()
        report = target.storage(float_file, content)
        return (proof.storage(report),) if report is not None else ()

    def _agreement(self, target: Target, precision: Precision) -> tuple[proof.Check, ...]:
        """Compare with the file of the same precision in the first format; that one has nothing to agree with."""
        first = next(iter(TARGETS.values()))
        if target.name == first.name or (first.name, precision) not in self.measurements:
            return ()
        one, other = self.measurements[first.name, precision], self.measurements[target.name, precision]
        return proof.agreement(one.real, other.real, {spec.name: spec for spec in one.outputs}, precision)

    def _convention(self, precision: Precision, measured: Measurement) -> tuple[proof.Check, ...]:
        """Ask integer inputs for photos what a byte means to them."""
        camera, (spec, *others) = self.camera_range, measured.inputs
        if precision is not Precision.INT8 or camera is None or spec.zero_point is None or others:
            return ()
        return (convention.check(spec, camera),)

    def _provenance(self, target: Target, precision: Precision) -> tuple[proof.Check, ...]:
        """Ask what the file was made of: its sibling or its float file, and the calibration samples."""
        if precision is Precision.FLOAT32:
            return ()
        siblings = [self.artifact(TARGETS[name], precision) for name in target.needs(precision)]
        checks = provenance.origin(siblings or [self.artifact(target, Precision.FLOAT32)])
        if precision.needs_calibration and self._judges(precision):
            checks += provenance.calibration(self.samples.calibration, self.samples.probe)
        return checks

    def _file(self, target: Target, precision: Precision, content: bytes) -> Path:
        path = self.work / f"{precision}{target.suffix}"
        if not path.exists():
            path.write_bytes(content)
        return path

"""Proving the files of every precision and format.

The float file comes first, so that a fault of quantization is never blamed on conversion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from calibration.samples import Array
from export.formats import FORMATS, PRIMARY, Format, find
from export.model import reference
from export.proof import clipping, compare, input_convention, integer_model, provenance
from export.proof.artifact import Artifact
from export.proof.check import Check
from export.proof.notes import notes
from export.quantization.build import Making
from export.recipe import Precision
from export.runtime.run_file import Measurement, measure
from zoo.errors import OutsideError, UsageProblemError


@dataclass
class Assembly:
    """One export's files, each made and proven once.

    Attributes:
        making: the files.
        expected: what the Keras model says of the probe.
        measurements: of the files, by (format, precision).
        upstream: checks of what comes before the files, by precision.
    """

    making: Making
    expected: Mapping[str, Array]
    measurements: dict[tuple[str, Precision], Measurement] = field(default_factory=dict)
    upstream: dict[Precision, tuple[Check, ...]] = field(default_factory=dict)
    _artifacts: dict[tuple[str, Precision], Artifact] = field(default_factory=dict)

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats that the recipe asks for, in the order in which they are made."""
        asked = {find(name).name for name in self.making.recipe.formats} or set(FORMATS)
        return tuple(file_format for file_format in FORMATS.values() if file_format.name in asked)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """float32 first, asked for or not: the others are measured against it."""
        return (Precision.FLOAT32, *(p for p in self.making.recipe.precisions if p is not Precision.FLOAT32))

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

    def _of_precision(self, precision: Precision) -> Iterator[Artifact]:
        for file_format in self.formats:
            yield self.artifact(file_format, precision)

    def artifact(self, file_format: Format, precision: Precision) -> Artifact:
        """Return one file, made and proven once."""
        key = file_format.name, precision
        if key not in self._artifacts:
            self._artifacts[key] = self._proven(file_format, precision)
        return self._artifacts[key]

    def _proven(self, file_format: Format, precision: Precision) -> Artifact:
        empty = Artifact(
            name=self.making.subject.name, format=file_format.name, precision=precision, suffix=file_format.suffix
        )
        content = self.making.content(file_format, precision)
        if content is None:
            return replace(empty, trouble=self.making.troubles[file_format.name, precision])
        self.making.progress.step(f"prove the {precision} .{file_format.name}")
        try:
            measured = self._measurement(file_format, precision, content)
        except (OutsideError, UsageProblemError) as error:
            return replace(empty, content=content, trouble=str(error))
        proven = compare.prove(self.expected, measured.real, precision, judge=self._judges(precision))
        return replace(
            empty,
            content=content,
            inputs=measured.inputs,
            outputs=measured.outputs,
            comparisons=proven.comparisons,
            checks=(
                *proven.checks,
                *self._storage(file_format, precision, content),
                *self._convention(precision, measured),
                *self._agreement(file_format, precision),
                *self._provenance(file_format, precision),
                *self._ranges(file_format, precision, content),
                *self._upstream(file_format, precision),
            ),
            census=measured.census,
            raised=self.making.recipe.raised if precision is Precision.INT8 else {},
            may_be_reconstructed=self._may_be_reconstructed(precision),
            takes_camera_bytes=self.making.takes_camera_bytes(precision),
            p50_ms=measured.p50_ms,
            p90_ms=measured.p90_ms,
        )

    def _may_be_reconstructed(self, precision: Precision) -> bool:
        return precision.has_integer_weights and not self.making.recipe.reconstruct and self._judges(precision)

    def _judges(self, precision: Precision) -> bool:
        making = self.making
        return precision.can_be_judged(trained=making.subject.weights.trained, real=making.samples.probe.real)

    def _measurement(self, file_format: Format, precision: Precision, content: bytes) -> Measurement:
        key = file_format.name, precision
        if key not in self.measurements:
            path = self.making.path(file_format, precision, content)
            folder, camera_bytes = self.making.samples.probe_folder, self.making.takes_camera_bytes(precision)
            self.measurements[key] = measure(path, folder, camera_bytes=camera_bytes, hurry=True)
        return self.measurements[key]

    def _storage(self, file_format: Format, precision: Precision, content: bytes) -> tuple[Check, ...]:
        if precision is Precision.FLOAT32 or self.making.content(file_format, Precision.FLOAT32) is None:
            return ()
        siblings = {name: self.making.contents[name, precision] for name in file_format.needs(precision)}
        report = file_format.storage(self.making.parent(file_format, precision), content, siblings)
        return (compare.storage(report),) if report is not None else ()

    def _agreement(self, file_format: Format, precision: Precision) -> tuple[Check, ...]:
        """Compare with the primary format's file of the same precision; that one has nothing to agree with.

        A file that is derived from its sibling is held against it, whether or not the sibling is asked for.
        """
        for name in file_format.needs(precision):
            self.artifact(FORMATS[name], precision)  # measures it
        if file_format.name == PRIMARY.name or (PRIMARY.name, precision) not in self.measurements:
            return ()
        one, other = self.measurements[PRIMARY.name, precision], self.measurements[file_format.name, precision]
        specs = {spec.name: spec for spec in one.outputs}
        making = self.making
        loose = compare.magnifies(precision, making.recipe.raised, trained=making.subject.weights.trained)
        return compare.agreement(one.real, other.real, specs, precision, model=self.expected if loose else None)

    def _convention(self, precision: Precision, measured: Measurement) -> tuple[Check, ...]:
        """Ask integer inputs for photos what a byte means to them."""
        camera, drawn = self.making.camera_range, self.making.subject.drawn_inputs
        spec, *others = (spec for spec in measured.inputs if spec.name not in drawn)
        if precision is not Precision.INT8 or camera is None or spec.zero_point is None or others:
            return ()
        return (input_convention.check(spec, camera),)

    def _provenance(self, file_format: Format, precision: Precision) -> tuple[Check, ...]:
        """Ask what the file was made of: its sibling or its float file, and the calibration samples."""
        if precision is Precision.FLOAT32:
            return ()
        siblings = [self.artifact(FORMATS[name], precision) for name in file_format.needs(precision)]
        checks = provenance.origin(siblings or [self.artifact(file_format, Precision.FLOAT32)])
        if precision.needs_calibration and self._judges(precision):
            checks += provenance.calibration(self.making.samples.calibration, self.making.samples.probe)
        return checks

    def _ranges(self, file_format: Format, precision: Precision, content: bytes) -> tuple[Check, ...]:
        """Ask whether the file's grids reach as far as was planned."""
        if file_format.name != PRIMARY.name or not precision.needs_calibration:
            return ()
        parent = self.making.parent(file_format, precision)
        return (compare.ranges(PRIMARY.ranges(parent, content, self.making.plan(precision))),)

    def _upstream(self, file_format: Format, precision: Precision) -> tuple[Check, ...]:
        """Ask what comes before the files, once for each precision: the weights and the ranges."""
        if file_format.name != PRIMARY.name:
            return ()
        if precision not in self.upstream:
            self.upstream[precision] = (*self._reconstruction(file_format, precision), *self._clipping(precision))
        return self.upstream[precision]

    def _reconstruction(self, file_format: Format, precision: Precision) -> tuple[Check, ...]:
        """Prove the reconstructed model and its float file, if the files were made of them."""
        made_of = self.making.reconstruction
        if not precision.has_integer_weights or made_of is None or made_of.model is None:
            return ()
        probe, folder = self.making.samples.probe, self.making.samples.probe_folder
        path = self.making.base_path(self.making.parent(file_format, precision))
        found, float_file = (
            reference.outputs(made_of.model, probe),
            measure(path, folder, camera_bytes=False, hurry=True).real,
        )
        equalized = integer_model.equalization(made_of, self.expected, probe)
        return (*equalized, *integer_model.checks(made_of, self.expected, found, float_file))

    def _clipping(self, precision: Precision) -> tuple[Check, ...]:
        """Ask what ranges narrower than what was seen cost the answers."""
        planned = self.making.plan(precision).ranges if precision.needs_calibration else None
        if planned is None or not self._judges(precision):
            return ()
        seen, samples = self.making.observation(self.making.observed_file(precision)), self.making.samples
        return clipping.check(
            self.making.model, samples.calibration, samples.probe, seen.ranges, planned, seen.fingerprints
        )

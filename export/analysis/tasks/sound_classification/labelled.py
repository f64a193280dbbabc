"""Labelled sounds for a classifier."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.inputs import InputSpec, Sample
from calibration.sound_rows import SoundRows
from calibration.store import SetWriter, digest_of
from export.analysis.tasks.classification.labelled import ClassifiedSamples
from zoo.audio import FrontEnd
from zoo.errors import UsageProblemError

EXAMPLES = "a folder of class folders of .wav files"


@dataclass(frozen=True, kw_only=True)
class ClassifiedSounds:
    """Sound files with their classes, not yet read.

    Attributes:
        source: description of the data for the manifest.
        sounds: each file with the index of its class.
        front_end: from a sound to the features.
        input: name of the model's input.
        spec: of this input.
        output: name of the output with class scores.
        notes: sentences about files of the folder that are not among the sounds.
    """

    source: str
    sounds: Sequence[tuple[Path, int]]
    front_end: FrontEnd
    input: str
    spec: InputSpec
    output: str
    notes: tuple[str, ...] = ()

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> ClassifiedSamples:
        """Save the features of the sounds that calibration did not use in `work`.

        Raises:
            UsageProblemError: no sound can be read, or calibration has used every one.
        """
        rows = SoundRows(paths=[path for path, _ in self.sounds], front_end=self.front_end)
        known, excluded, specs = frozenset(exclude), 0, {self.input: self.spec}
        with SetWriter(work, specs, None) as writer:
            for index, values in rows.read(self.spec.shape):
                sample = Sample(inputs={self.input: values.astype(self.spec.dtype)}, label=self.sounds[index][1])
                digest = digest_of(sample, specs)
                if digest in known:
                    excluded += 1
                else:
                    writer.append(sample, digest)
        if not len(writer):
            raise UsageProblemError(
                f"{self.source}: none can be used; give readable labelled sounds that calibration did not use"
            )
        left = [f"{excluded} calibration sounds left out of the evaluation"] if excluded else []
        notes = (*self.notes, *rows.warnings, *left)
        samples = writer.samples(source=self.source, seed=seed, warnings=notes)
        return ClassifiedSamples(samples=samples, output=self.output)

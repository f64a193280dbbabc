"""A sound as an input: the features that a front end computes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zoo.audio import FrontEnd
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.contract import Array, Input


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A sound that becomes the input by a front end.

    Attributes:
        front_end: from the sound to the features.
        samples: stem of built-in samples of these features, a file of `calibration/features`; empty if there are none.
    """

    kind: ClassVar[str] = "sound"
    is_given: ClassVar[bool] = True

    front_end: FrontEnd
    samples: str = ""

    def describe(self) -> str:
        """Return what the features are."""
        return f"a sound: {self.front_end.describe()}"

    def record(self) -> dict[str, Any]:
        """Return the front end's record, and the name of the built-in samples."""
        return {**self.front_end.record(), **({"samples": self.samples} if self.samples else {})}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        values = {key: value for key, value in record.items() if key != "samples"}
        samples = record.get("samples", "")
        if not isinstance(samples, str) or not (samples == "" or samples.isidentifier()):
            raise TypeError("the name of built-in samples is not a word")
        return cls(front_end=FrontEnd.from_record(values), samples=samples)

    def parse(self, text: str) -> Array:
        """Return the features (windows, features, 1) of the .wav file of that name."""
        from zoo.audio.wave_file import BadSoundError, read_wave

        try:
            return self.front_end.features(read_wave(Path(text)))
        except BadSoundError as error:
            raise UsageProblemError(f"{text!r} cannot be read as a sound: {error}") from error

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return the features of noise of a random loudness."""
        noise = generator.standard_normal(self.front_end.length) * 10 ** generator.uniform(-4, -0.7)
        return self.front_end.of_samples(noise.clip(-1, 1)).astype(dtype).reshape(shape)


def front_end_of(inputs: Mapping[str, Input]) -> FrontEnd | None:
    """Return the front end if a sound is all that has to be given."""
    found = sound_of(inputs)
    return found[1] if found else None


def sound_of(inputs: Mapping[str, Input]) -> tuple[str, FrontEnd] | None:
    """Return the name of the only input that has to be given and its front end, if that input is a sound."""
    given = {name: one for name, one in inputs.items() if one.is_given}
    sounds = [(name, one.front_end) for name, one in given.items() if isinstance(one, Sound)]
    return sounds[0] if len(sounds) == len(given) == 1 else None

"""Sound files as the features that a network reads, one after the other, with a note of what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.samples import Array
from calibration.sound_files import check_rate, cut, skipped
from zoo.audio import FrontEnd
from zoo.audio.wave_file import BadSoundError, read_wave


@dataclass(frozen=True, kw_only=True)
class SoundRows:
    """Sound files, not yet read.

    Attributes:
        paths: of the files.
        front_end: from a sound to features.
        unreadable: names of the files that could not be read so far.
        longer: names of those that were cut.
    """

    paths: Sequence[Path]
    front_end: FrontEnd
    unreadable: list[str] = field(default_factory=list)
    longer: list[str] = field(default_factory=list)

    def read(self, shape: tuple[int, ...]) -> Iterator[tuple[int, Array]]:
        """Yield the index and the features, in the shape of the network's input, of each file that can be read.

        Raises:
            UsageProblemError: a file does not hold the frequencies that the network hears.
        """
        one = self.front_end
        for index, path in enumerate(self.paths):
            try:
                wave = read_wave(path)
            except BadSoundError:
                self.unreadable.append(path.name)
                continue
            check_rate(path, wave, one.rate, one.high_hz)
            if len(wave.samples) * one.rate > (one.length + 1) * wave.rate:
                self.longer.append(path.name)
            yield index, np.reshape(one.features(wave), shape)

    @property
    def warnings(self) -> list[str]:
        """Sentences about what was left out so far."""
        broken = [skipped(self.unreadable)] if self.unreadable else []
        seconds = self.front_end.length / self.front_end.rate
        return broken + ([cut(len(self.longer), seconds)] if self.longer else [])

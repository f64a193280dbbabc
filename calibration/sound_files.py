"""List the .wav files of a folder, with their class words, and count those that cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.audio.wave_file import FOREIGN, SUFFIXES, BadSoundError, Wave, read_wave
from zoo.errors import UsageProblemError


def sound_paths(folder: Path) -> list[Path]:
    """Return all .wav files under `folder`, sorted.

    Raises:
        UsageProblemError: there are none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise UsageProblemError(f"no sound in {folder}: {_instead(folder)}")
    return paths


def named_sounds(folder: Path) -> list[tuple[Path, str]]:
    """Return the .wav files of a folder of class folders, each with the name of its class.

    Raises:
        UsageProblemError: there are none, or one is in no class folder.
    """
    named = [(path, path.relative_to(folder).parts[0]) for path in sound_paths(folder)]
    loose = [path.name for path, word in named if word == path.name]
    if loose:
        raise UsageProblemError(f"{folder.name}/{loose[0]} is in no class folder; give FOLDER/CLASS/word.wav")
    return named


def left_out(folder: Path) -> tuple[str, ...]:
    """Return the warning that counts the sounds of a folder in formats that are not read; none without them."""
    found = counted(folder.rglob("*"))
    return (f"{found} left out, which are not read; convert them to .wav",) if found else ()


def counted(paths: Iterable[Path]) -> str:
    """Return "3 MP3 files and 1 FLAC file" for the sounds in formats that are not read; empty if there are none."""
    kinds = Counter(FOREIGN[path.suffix.lower()] for path in paths if path.suffix.lower() in FOREIGN)
    return " and ".join(f"{count} {kind} file{'s' * (count != 1)}" for kind, count in sorted(kinds.items()))


def check_readable(paths: Sequence[Path], rate: int, high_hz: float) -> None:
    """Check that one of the sounds can be read and holds the frequencies that the network hears.

    Raises:
        UsageProblemError: none of them can, or the first that can has a lower rate.
    """
    reasons = []
    for path in paths:
        try:
            wave = read_wave(path)
        except BadSoundError as error:
            reasons.append(str(error))
            continue
        check_rate(path, wave, rate, high_hz)
        return
    raise UsageProblemError(f"no sound in {paths[0].parent} can be read: {paths[0].name}: {reasons[0]}")


def check_rate(path: Path, wave: Wave, rate: int, high_hz: float) -> None:
    """Check that a sound holds the frequencies that a network hears; a higher rate than `rate` is no problem.

    Raises:
        UsageProblemError: its rate is too low.
    """
    if wave.rate < rate and wave.rate < 2 * high_hz:
        raise UsageProblemError(
            f"{path.name} has {wave.rate} Hz, so nothing above {wave.rate / 2:g} Hz, but the network hears up to "
            f"{high_hz:g} Hz; record it at {rate} Hz or more"
        )


def skipped(broken: Sequence[str]) -> str:
    """Return the warning that lists the unreadable files, at most five by name."""
    more = ", ..." if len(broken) > 5 else ""
    return f"{len(broken)} unreadable sound{'s' * (len(broken) != 1)} skipped: {', '.join(broken[:5])}{more}"


def cut(count: int, seconds: float) -> str:
    """Return the warning that sounds were longer than the network's."""
    return f"{count} sound{'s' * (count != 1)} longer than {seconds:g} s, of which only the begin is used"


def _instead(folder: Path) -> str:
    foreign = sorted(path for path in folder.rglob("*") if path.suffix.lower() in FOREIGN)
    if foreign:
        one = foreign[0].name
        how = f"convert them to .wav first, for example: ffmpeg -i {one} -ac 1 -ar 16000 {foreign[0].stem}.wav"
        return f"it holds {counted(foreign)}, which are not read; {how}"
    empty = "the folder is empty; " if not any(folder.iterdir()) else ""
    return f"{empty}give a folder of .wav files"

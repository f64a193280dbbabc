"""Read a .wav file of any bit depth and rate, or say why it cannot be read."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = frozenset({".wav", ".wave"})
# Formats that are not read, by the names that people know them by.
FOREIGN = {
    ".mp3": "MP3",
    ".flac": "FLAC",
    ".ogg": "Ogg",
    ".oga": "Ogg",
    ".opus": "Opus",
    ".m4a": "AAC",
    ".aac": "AAC",
    ".wma": "WMA",
    ".aif": "AIFF",
    ".aiff": "AIFF",
    ".amr": "AMR",
    ".webm": "WebM",
}
LEAST_RATE, MOST_RATE = 1000, 768_000  # Hz
MOST_SECONDS = 600  # a file that is longer is no word or phrase, and need not fit into memory


class BadSoundError(ValueError):
    """The file cannot be used as a sound; the message gives the reason and a remedy."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Wave:
    """A sound with one channel.

    Attributes:
        samples: float64 (N,), from -1 to 1.
        rate: in Hz.
    """

    samples: NDArray[np.float64]
    rate: int


def read_wave(path: Path) -> Wave:
    """Return the sound in a .wav file of 8, 16, 24 or 32 bits; several channels are averaged.

    Raises:
        BadSoundError: the file is no .wav, is damaged, compressed, empty or longer than ten minutes.
    """
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            content = file.readframes(MOST_SECONDS * max(rate, 1) + 1)
    except (OSError, EOFError, wave.Error, ValueError, RuntimeError) as error:
        raise BadSoundError(_unreadable(path, str(error))) from error
    if not LEAST_RATE <= rate <= MOST_RATE or width not in (1, 2, 3, 4):
        raise BadSoundError(f"it has {8 * width} bits and {rate} Hz; {_converted(path)}")
    whole = len(content) // (width * channels)
    if not whole:
        raise BadSoundError("it holds no sound; remove it")
    if whole > MOST_SECONDS * rate:
        raise BadSoundError(f"it is longer than {MOST_SECONDS // 60} minutes; cut it into words or phrases")
    samples = _numbers(content[: whole * width * channels], width)
    return Wave(samples=samples.reshape(whole, channels).mean(axis=1), rate=rate)


def _numbers(content: bytes, width: int) -> NDArray[np.float64]:
    """Return samples of `width` bytes as numbers from -1 to 1: 8 bits have no sign, others are little-endian."""
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float64) - 128) / 128
    # The bytes of a sample become the high ones of 32 bits, which have the sign.
    padded = np.zeros((len(content) // width, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(content, np.uint8).reshape(-1, width)
    return padded.view("<i4")[:, 0].astype(np.float64) / 2.0**31


def _unreadable(path: Path, reason: str) -> str:
    kind = FOREIGN.get(path.suffix.lower())
    if kind:
        return f"{kind} files are not read; {_converted(path)}"
    if reason.startswith("unknown format"):  # of the wave module: the number of a format other than PCM
        return f"its samples are not PCM integers; {_converted(path)}"
    return f"{reason or 'it is cut off'}; give a .wav of PCM samples"


def _converted(path: Path) -> str:
    """Return what to type to make it a .wav that is read."""
    out = f"{path.stem}.wav" if path.suffix.lower() not in SUFFIXES else f"{path.stem}-pcm.wav"
    return f"convert it first, for example: ffmpeg -i {path.name} -ac 1 -ar 16000 -c:a pcm_s16le {out}"

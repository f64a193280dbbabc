"""Folders of .wav files for tests: notes in noise, of which one class is low and the other high."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16000
NOTES = {"high": 1800.0, "low": 300.0}  # Hz, by class


def note(hz: float, seed: int, *, rate: int = RATE, seconds: float = 1.0) -> NDArray[np.float64]:
    """Return a note somewhere in quiet noise, from -1 to 1."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    begin, pitch = rng.uniform(0.1, 0.5) * seconds, hz * rng.uniform(0.8, 1.25)
    sound = 0.3 * np.sin(2 * np.pi * pitch * time) * ((time > begin) & (time < begin + 0.4 * seconds))
    return np.asarray(sound + 0.003 * rng.standard_normal(len(time)))


def write(path: Path, samples: NDArray[np.float64], *, rate: int = RATE, width: int = 2, channels: int = 1) -> Path:
    """Write samples (N,) or (N, channels) from -1 to 1 as a .wav of `width` bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.clip(np.rint(samples * 2.0 ** (8 * width - 1)), -(2.0 ** (8 * width - 1)), 2.0 ** (8 * width - 1) - 1)
    if width == 1:
        content = (whole + 128).astype(np.uint8).tobytes()
    else:
        content = np.ascontiguousarray(whole.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :width]).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(content)
    return path


def notes(folder: Path, count: int, first: int = 0) -> Path:
    """Write `count` notes of each class to FOLDER/CLASS/NUMBER.wav."""
    for index, (word, hz) in enumerate(NOTES.items()):
        for number in range(count):
            write(folder / word / f"{number:02}.wav", note(hz, 1000 * index + first + number))
    return folder

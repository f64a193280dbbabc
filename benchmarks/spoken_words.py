"""`python -m benchmarks spoken_words FOLDER --words yes,no,stop`: a folder of spoken words, for `zoo train`.

No package carries recorded words, so espeak-ng speaks them (`apt-get install espeak-ng`): FOLDER/train/WORD/NUMBER.wav,
and FOLDER/test/WORD/NUMBER.wav by voices that are not in train; 16 kHz, 16 bits, a second each, with some noise.
"""

from __future__ import annotations

import argparse
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.mlperf_tiny import spoken
from calibration.samples import Array
from zoo import class_names

HELD_OUT = 3  # every third voice speaks in test only
TESTS = 4  # one test sound for so many of training


def main(arguments: Sequence[str]) -> int:
    """Write the folder and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks spoken_words", description=__doc__)
    parser.add_argument("folder", type=Path, help="new folder")
    parser.add_argument("--words", default="yes,no,stop", help='words to speak, or "keywords": those of mlperf_kws')
    parser.add_argument("--per-word", type=int, default=60, help="sounds of a word in train (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    words = class_names.read("keywords") if chosen.words == "keywords" else tuple(chosen.words.split(","))
    voices = {"train": [], "test": spoken.VOICES[::HELD_OUT]}
    voices["train"] = [voice for voice in spoken.VOICES if voice not in voices["test"]]
    counts = {"train": chosen.per_word, "test": -(-chosen.per_word // TESTS)}
    for part, count in counts.items():
        rng = np.random.default_rng((chosen.seed, count, part == "test"))
        for word in words:
            for number in range(count):
                _write(chosen.folder / part / word / f"{number:04}.wav", _sound(word, rng, voices[part]))
    print(f"{chosen.folder}: {len(words)} words, {counts['train']} sounds of each in train, {counts['test']} in test")
    return 0


def _sound(word: str, rng: np.random.Generator, voices: Sequence[str]) -> Array:
    """Return a second with a word, with another one, or with noise, from -1 to 1."""
    if word == spoken.SILENCE:
        return spoken.noise(rng) * 10 ** rng.uniform(-3, -1)
    said = str(rng.choice(spoken.OTHERS)) if word == spoken.UNKNOWN else word
    sound = spoken.placed(spoken.said(said, rng, voices), rng)
    return np.asarray(sound / np.abs(sound).max() * rng.uniform(0.1, 0.9))


def _write(path: Path, sound: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spoken.RATE)
        file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())

"""Sounds are read from .wav files of every width and rate, and refused with a remedy otherwise."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.audio.sounds import note, write
from zoo.audio.resampling import resampled
from zoo.audio.wave_file import BadSoundError, read_wave


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_every_width_are_read(width: int, tmp_path: Path) -> None:
    sound = note(440, 0)
    read = read_wave(write(tmp_path / "a.wav", sound, width=width))
    assert read.rate == 16000
    np.testing.assert_allclose(read.samples, sound, rtol=0, atol=0.51 * 2.0 ** (1 - 8 * width))


def test_the_ends_of_16_bits_are_exact(tmp_path: Path) -> None:
    sound = np.array([-1.0, 0.0, 1 / 32768, 32767 / 32768])
    assert read_wave(write(tmp_path / "a.wav", sound)).samples.tolist() == sound.tolist()


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = note(440, 0), note(880, 1)
    read = read_wave(write(tmp_path / "a.wav", np.stack([left, right], axis=1), width=4, channels=2))
    np.testing.assert_allclose(read.samples, (left + right) / 2, atol=1e-9)


def float_wave(path: Path) -> Path:
    """Write a .wav of floats, which is no PCM."""
    data = np.zeros(160, "<f4").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, 1, 16000, 64000, 4, 32,
                       b"data", len(data))  # fmt: skip
    path.write_bytes(head + data)
    return path


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.mp3", b"ID3\x03" + bytes(100), r"MP3 files are not read; .*ffmpeg -i a\.mp3 .*a\.wav"),
        ("a.wav", b"ID3\x03" + bytes(100), "does not start with RIFF"),
        ("a.wav", b"", "cut off"),
        ("a.wav", b"RIFF" + bytes(4), "."),
    ],
)
def test_what_is_no_sound_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadSoundError, match=said):
        read_wave(tmp_path / name)


def test_floats_and_silence_of_no_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSoundError, match=r"not PCM integers; .*ffmpeg -i a\.wav .*a-pcm\.wav"):
        read_wave(float_wave(tmp_path / "a.wav"))
    with pytest.raises(BadSoundError, match="holds no sound"):
        read_wave(write(tmp_path / "b.wav", np.zeros(0)))


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31])
def test_rates_that_are_none_of_sounds_are_refused(rate: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", note(440, 0))
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate)
    path.write_bytes(content)
    with pytest.raises(BadSoundError, match=f"{rate} Hz; convert it first"):
        read_wave(path)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_a_sound_of_another_rate_is_the_same_sound(rate: int) -> None:
    hz = 0.4 * min(rate, 16000)
    found = resampled(np.sin(2 * np.pi * hz * np.arange(rate) / rate), rate, 16000)
    wanted = np.sin(2 * np.pi * hz * np.arange(16000) / 16000)
    assert found.shape == (16000,)
    np.testing.assert_allclose(found[400:-400], wanted[400:-400], atol=1e-3)


def test_what_the_lower_rate_cannot_hold_is_silent() -> None:
    found = resampled(np.sin(2 * np.pi * 9500 * np.arange(44100) / 44100), 44100, 16000)
    assert np.abs(found[400:-400]).max() < 1e-3

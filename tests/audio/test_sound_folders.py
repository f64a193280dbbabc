"""Folders of .wav files become samples: each sound in one set, none of the calibration in an evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration import digests
from calibration.inputs import InputSpec
from calibration.samples import sample_digest
from calibration.sources.drawing import draw
from calibration.store import Draw
from export.analysis.tasks.sound_classification.labelled import ClassifiedSounds
from tests.audio.sounds import note, notes, write
from zoo import trained_on
from zoo.audio import FrontEnd
from zoo.audio.wave_file import read_wave
from zoo.errors import UsageProblemError
from zoo.inputs import Sound

ONE = FrontEnd(coefficients=10, loudness="largest is 1")


def drawn(folder: str | None, work: Path, shape: tuple[int, ...] = (49, 10, 1)) -> Draw:
    return draw(
        folder,
        inputs={"mfcc": InputSpec(shape=shape)},
        contracts={"mfcc": Sound(front_end=ONE)},
        calibration_count=12,
        probe_count=6,
        seed=0,
        work=work,
    )


def test_each_sound_is_in_one_set_as_its_features(tmp_path: Path) -> None:
    folder = notes(tmp_path / "notes", 10)
    found = drawn(str(folder), tmp_path / "work")
    rows = np.concatenate([found.calibration.inputs["mfcc"], found.probe.inputs["mfcc"]])
    every = {ONE.features(read_wave(path)).tobytes() for path in folder.rglob("*.wav")}
    assert len(rows) == 18
    assert {row.tobytes() for row in rows} < every
    assert len({row.tobytes() for row in rows}) == 18
    assert found.calibration.source == "folder notes, 20 sounds"


def test_features_take_the_shape_of_the_input(tmp_path: Path) -> None:
    folder = str(notes(tmp_path / "notes", 10))
    flat = drawn(folder, tmp_path / "flat", (490,)).calibration.inputs["mfcc"]
    np.testing.assert_array_equal(flat.reshape(-1, 49, 10, 1), drawn(folder, tmp_path / "b").calibration.inputs["mfcc"])


def test_what_was_left_out_or_cut_is_said(tmp_path: Path) -> None:
    folder = notes(tmp_path / "notes", 10)
    (folder / "high" / "broken.wav").write_text("no sound")
    (folder / "high" / "a.flac").write_bytes(b"fLaC")
    write(folder / "low" / "long.wav", note(300, 1, seconds=2))
    warnings = draw(
        str(folder),
        inputs={"mfcc": InputSpec(shape=(49, 10, 1))},
        contracts={"mfcc": Sound(front_end=ONE)},
        calibration_count=15,
        probe_count=10,
        seed=0,
        work=tmp_path / "work",
    ).calibration.warnings
    assert warnings == (
        "1 FLAC file left out, which are not read; convert them to .wav",
        "1 unreadable sound skipped: broken.wav",
        "1 sound longer than 1 s, of which only the begin is used",
    )


def test_a_model_without_built_in_sounds_needs_some(tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match=r"none are built in: give --calibration a folder of \.wav files"):
        drawn(None, tmp_path)


def test_calibration_sounds_are_not_evaluated(tmp_path: Path) -> None:
    folder = notes(tmp_path / "notes", 5)
    sounds = [(path, index) for index, word in enumerate(("high", "low")) for path in sorted((folder / word).iterdir())]
    labelled = ClassifiedSounds(
        source="notes", sounds=sounds, front_end=ONE, input="mfcc", spec=InputSpec(shape=ONE.shape), output="logits"
    )
    first = labelled.write(tmp_path / "first", exclude=(), seed=0).samples
    assert first.labels is not None
    assert first.labels.tolist() == [0] * 5 + [1] * 5
    used = [sample_digest({"mfcc": row}) for row in first.inputs["mfcc"][3:7]]
    second = labelled.write(tmp_path / "second", exclude=used, seed=0).samples
    assert second.labels is not None
    assert second.labels.tolist() == [0] * 3 + [1] * 3
    assert second.warnings == ("4 calibration sounds left out of the evaluation",)
    every = [sample_digest({"mfcc": row}) for row in first.inputs["mfcc"]]
    with pytest.raises(UsageProblemError, match="none can be used; give readable labelled sounds"):
        labelled.write(tmp_path / "third", exclude=every, seed=0)


def test_an_evaluation_knows_the_digests_of_sounds(tmp_path: Path) -> None:
    folder = notes(tmp_path / "notes", 2)
    assert digests.of_source(str(folder)) == {trained_on.of_file(path) for path in folder.rglob("*.wav")}

"""Mistakes with sounds are answered before TensorFlow starts, in a sentence that says what to type."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from export.preflight import check as of_export
from export.preflight.samples import check_given
from export.recipe import Recipe
from export.scheme import INT8
from tests.audio.sounds import note, notes, write
from training import preflight as of_training
from training.recipe import TrainingRecipe
from zoo.errors import UsageProblemError

Make = Callable[[Path], Path]


def empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def of_mp3(folder: Path) -> Path:
    (folder / "yes").mkdir(parents=True)
    (folder / "yes" / "a.mp3").write_bytes(b"ID3")
    (folder / "yes" / "b.MP3").write_bytes(b"ID3")
    return folder


def of_slow_sounds(folder: Path) -> Path:
    for word in ("high", "low"):
        for number in range(3):
            write(folder / word / f"{number}.wav", note(300, number, rate=6000), rate=6000)
    return folder


def of_text(folder: Path) -> Path:
    for word in ("high", "low"):
        for number in range(3):
            (folder / word).mkdir(parents=True, exist_ok=True)
            (folder / word / f"{number}.wav").write_text("no sound")
    return folder


def loose(folder: Path) -> Path:
    notes(folder, 2)
    return write(folder / "a.wav", note(300, 0)).parent


def one_class(folder: Path) -> Path:
    return write(folder / "yes" / "a.wav", note(300, 0)).parents[1]


def single(folder: Path) -> Path:
    return write(folder / "a.wav", note(300, 0))


def song(folder: Path) -> Path:
    folder.mkdir()
    (folder / "a.mp3").write_bytes(b"ID3")
    return folder / "a.mp3"


def nowhere(folder: Path) -> Path:
    return folder


BOTH: tuple[tuple[Make, str], ...] = (
    (of_mp3, r"it holds 2 MP3 files, which are not read; .*ffmpeg -i a\.mp3"),
    (of_slow_sounds, "has 6000 Hz, so nothing above 3000 Hz, but the network hears up to 4000 Hz; record it at 16000"),
    (of_text, r"no sound in .* can be read: 0\.wav: file does not start with RIFF"),
    (song, "is a single sound of the kind MP3, which is not read; give"),
    (nowhere, "does not exist; .*give"),
)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        *BOTH,
        (empty, "is an empty folder; give FOLDER/CLASS/word.wav"),
        (loose, "a.wav is in no class folder; give FOLDER/CLASS/word.wav"),
        (one_class, "only one class, 'yes'; give at least two"),
        (single, "is a single sound; give its folder"),
    ],
)
def test_mistakes_of_training(make: Make, said: str, tmp_path: Path) -> None:
    data = make(tmp_path / "data")
    with pytest.raises(UsageProblemError) as error:
        of_training.check(TrainingRecipe(model="mlperf_kws", data=str(data), out=tmp_path / "out.keras"))
    assert re.search(said, str(error.value))


@pytest.mark.parametrize("flag", ["calibration", "evaluate"])
@pytest.mark.parametrize(
    ("make", "said"), [*BOTH, (empty, "no sound in .*: the folder is empty; give a folder of .wav")]
)
def test_mistakes_of_an_export(make: Make, said: str, flag: str, tmp_path: Path) -> None:
    data = make(tmp_path / "data")
    with pytest.raises(UsageProblemError) as error:
        of_export.check(Recipe(model="mlperf_kws", schemes=(INT8,), **{flag: str(data)}))
    assert re.search(said, str(error.value))


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist"])
def test_photos_are_not_given_to_a_network_of_sounds(name: str, tmp_path: Path) -> None:
    for flag in ("calibration", "evaluate"):
        with pytest.raises(UsageProblemError, match="are photos, but mlperf_kws hears sounds; give a folder"):
            of_export.check(Recipe(model="mlperf_kws", schemes=(INT8,), **{flag: name}))
    with pytest.raises(UsageProblemError, match=r"mlperf_kws hears sounds: give FOLDER/CLASS/word\.wav"):
        of_training.check(TrainingRecipe(model="mlperf_kws", data=name, out=tmp_path / "out.keras"))


def test_sounds_of_other_classes_are_refused(tmp_path: Path) -> None:
    folder = notes(tmp_path / "data", 2)
    with pytest.raises(UsageProblemError, match="2 classes like 'high' cannot be matched with the model's 12"):
        of_export.check(Recipe(model="mlperf_kws", schemes=(INT8,), evaluate=str(folder)))


def test_a_front_end_without_built_in_sounds_needs_some(tmp_path: Path) -> None:
    recipe = Recipe(model="mlperf_kws", options={"front_end": "fixed_point"}, schemes=(INT8,))
    facts = of_export.check(recipe)
    with pytest.raises(UsageProblemError, match=r"none are built in: give --calibration a folder of \.wav files"):
        check_given(recipe, facts)
    check_given(replace(recipe, calibration=str(notes(tmp_path / "data", 2))), facts)
    check_given(replace(recipe, random_calibration=True), facts)
    check_given(replace(recipe, options={}), of_export.check(replace(recipe, options={})))


def test_healthy_folders_pass(tmp_path: Path) -> None:
    folder = notes(tmp_path / "data", 2)
    of_training.check(TrainingRecipe(model="mlperf_kws", data=str(folder), out=tmp_path / "out.keras"))
    of_export.check(Recipe(model="mlperf_kws", schemes=(INT8,), calibration=str(folder)))


def test_sounds_are_checked_without_tensorflow(tmp_path: Path) -> None:
    of_mp3(tmp_path / "data")
    program = (
        "import sys; from export.cli.main import main; code = main(sys.argv[1:]); "
        "sys.exit(code if not {'tensorflow', 'keras'} & set(sys.modules) else 9)"
    )
    words = ["train", "mlperf_kws", "--data", str(tmp_path / "data")]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert "MP3" in done.stderr

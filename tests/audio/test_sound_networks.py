"""A folder of .wav files becomes a network that names sounds: trained, exported, proven, run here and on a device."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from export.cli.main import main
from export.cli.option_words import chosen_passes
from export.model.subject import subject_of_file
from export.pipeline import Delivery, run
from export.recipe import Recipe
from export.scheme import INT8
from tests.audio.sounds import note, notes, write
from tests.training.conftest import silent
from training.pipeline import evaluate, train
from training.recipe import Compression, TrainingRecipe
from training.results import Trained
from zoo import inputs, own_file
from zoo.audio import FrontEnd
from zoo.errors import UsageProblemError
from zoo.inputs import Sound, Vector


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 notes of each of two classes."""
    return notes(tmp_path_factory.mktemp("sounds") / "notes", 30)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten other notes of each class, at other rates and widths, and an .mp3."""
    made = tmp_path_factory.mktemp("new") / "new"
    for word, hz in (("high", 1800.0), ("low", 300.0)):
        for number in range(10):
            rate, width = (22050, 44100)[number % 2], (1, 2, 3, 4)[number % 4]
            write(made / word / f"{number}.wav", note(hz, 7000 + number, rate=rate), rate=rate, width=width)
    (made / "low" / "song.mp3").write_bytes(b"ID3")
    return made


def recipe(folder: Path, out: Path, **changes: object) -> TrainingRecipe:
    options = {"model": "mlperf_kws", "weights": "random", "data": str(folder), "out": out, "epochs": 3}
    return TrainingRecipe(**{**options, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network that tells high notes from low ones; tests must not change its file."""
    return train(recipe(folder, tmp_path_factory.mktemp("trained") / "pitch.keras"), silent)


@pytest.fixture(scope="module")
def delivery(trained: Trained, folder: Path, new: Path, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    options = {"calibration": str(folder), "evaluate": str(new), "out": tmp_path_factory.mktemp("made")}
    return run(Recipe(model=str(trained.file), schemes=(INT8,), **options))  # type: ignore[arg-type]


def test_the_network_learns_the_classes(trained: Trained) -> None:
    assert trained.classes == ("high", "low")
    assert trained.counts == {"train": 48, "validation": 12}
    assert trained.scores["validation"]["top1"] == 1


def test_the_file_keeps_the_front_end(trained: Trained) -> None:
    facts = own_file.read(trained.file)
    assert facts is not None
    assert facts.task == "sound classification"
    assert facts.inputs == {
        "mfcc": Sound(front_end=FrontEnd(coefficients=10, loudness="largest is 1"), samples="keywords")
    }


def test_the_manifest_has_the_front_end_and_both_files_are_proven(delivery: Delivery) -> None:
    manifest = json.loads((delivery.folder / "manifest.json").read_text())
    assert inputs.from_record(manifest["inputs"])["mfcc"].front_end.coefficients == 10  # type: ignore[attr-defined]
    assert delivery.passed
    assert len(delivery.manifest["files"]) == 2


def test_new_sounds_of_other_rates_and_widths_are_named(delivery: Delivery) -> None:
    evaluation = delivery.manifest["evaluation"]
    assert evaluation["scores"]["top1"] == 1
    assert evaluation["samples"]["count"] == 20
    assert evaluation["samples"]["warnings"] == ["1 MP3 file left out, which are not read; convert them to .wav"]


def test_a_sound_is_named(delivery: Delivery, new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(new / word / f"{number}.wav") for word in ("high", "low") for number in range(3)]
    for name in ("pitch-int8.tflite", "pitch-int8.onnx"):
        assert main(["run", str(delivery.folder), *paths, "--file", name, "--json"]) == 0
        answers = json.loads(capsys.readouterr().out)["answers"]
        assert [one["sound"] for one in answers] == paths
        assert [one["guesses"][0]["name"] for one in answers] == ["high"] * 3 + ["low"] * 3


def test_a_long_sound_is_cut_with_a_warning(
    delivery: Delivery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "long.wav", note(300, 0, seconds=1.5))
    assert main(["run", str(delivery.folder), str(path)]) == 0
    assert "1 sound longer than 1 s, of which only the begin is used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nowhere.wav", "there is no sound '.*nowhere.wav'; type the path of a .wav file"),
        (lambda folder: folder, "is a folder; type sounds, for example .*/\\*.wav"),
        (lambda folder: Path(shutil.copy(__file__, folder / "a.mp3")), "MP3 files are not read; .*ffmpeg"),
        (
            lambda folder: write(folder / "slow.wav", note(300, 0, rate=6000), rate=6000),
            "slow.wav has 6000 Hz, so nothing above 3000 Hz, but the network hears up to 4000 Hz",
        ),
    ],
)
def test_what_is_no_sound_is_refused(  # type: ignore[no-untyped-def]
    make, said: str, delivery: Delivery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(delivery.folder), str(make(tmp_path))]) == 2
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
    assert re.search(said, line)


def test_a_device_names_the_same_sounds_with_numpy_alone(delivery: Delivery, new: Path, tmp_path: Path) -> None:
    out = tmp_path / "device"
    assert main(["pack", str(delivery.folder), "--target", "raspberry-pi", "--out", str(out)]) == 0
    command = [sys.executable, "-I", "run.py", *(str(new / word / "1.wav") for word in ("high", "low"))]
    said = subprocess.run(command, cwd=out, capture_output=True, text=True, check=True).stdout
    names = [line.split()[1] for line in said.splitlines() if line.startswith("   ")]
    assert names == ["high", "low", "low", "high"]
    assert "run.py word.wav" in (out / "README.md").read_text()


def test_a_trained_file_is_evaluated_and_knows_its_sounds(trained: Trained, folder: Path, new: Path) -> None:
    other = evaluate(recipe(new, Path("unused.keras"), model=str(trained.file), weights=None), silent)
    assert other.scores["validation"]["top1"] == 1
    same = evaluate(recipe(folder, Path("unused.keras"), model=str(trained.file), weights=None, seed=1), silent)
    assert any("were used to train this network" in one for one in same.warnings)


def test_training_goes_on_and_compresses(trained: Trained, folder: Path, tmp_path: Path) -> None:
    options = {"prune": "0.5", "prune_channels": None}
    compression = Compression(passes=chosen_passes(dict(options)), epochs=1)
    one = recipe(
        folder, tmp_path / "out.keras", model=str(trained.file), weights=None, epochs=0, compression=compression
    )
    done = train(one, silent)
    assert done.scores["validation"]["top1"] == 1
    assert done.stages[-1]["measured"]["zero_share"] > 0.4


@pytest.mark.parametrize("front_end", ["log_mel", "fixed_point"])
def test_other_front_ends_learn_too(front_end: str, folder: Path, tmp_path: Path) -> None:
    one = recipe(folder, tmp_path / "out.keras", options={"front_end": front_end}, weights=None, epochs=2)
    done = train(one, silent)
    assert done.scores["validation"]["top1"] >= 0.9
    assert any("another front end" in said for said in done.warnings)
    with pytest.raises(UsageProblemError, match="another front end of mlperf_kws; leave out --weights"):
        train(recipe(folder, tmp_path / "a.keras", options={"front_end": front_end}, weights="speech_commands"), silent)


def test_facts_that_do_not_fit_the_network_are_refused(trained: Trained, tmp_path: Path) -> None:
    facts = own_file.read(trained.file)
    assert facts is not None
    model = subject_of_file(trained.file, None).model
    wrong = {"mfcc": Sound(front_end=FrontEnd(coefficients=12))}
    numbers = {"mfcc": Vector()}
    for changed in (
        replace(facts, inputs=wrong),
        replace(facts, inputs=numbers),
        replace(facts, task="classification"),
        replace(facts, task="embedding"),
    ):
        own_file.save(model, tmp_path / "changed.keras", changed)
        with pytest.raises(UsageProblemError, match="do not fit the model"):
            subject_of_file(tmp_path / "changed.keras", None)


def test_small_data_are_seen_several_times_in_an_epoch(trained: Trained) -> None:
    assert trained.rows[0]["loss"] < 0.5  # after 51 steps, and not after two

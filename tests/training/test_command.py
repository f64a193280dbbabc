"""`zoo train`: from a folder of photos to a .keras file that `zoo-export` accepts without options."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from export.cli.main import main
from export.model.subject import subject_of_file
from tests.training.conftest import silent
from training.pipeline import train
from training.recipe import TrainingRecipe
from zoo import own_file
from zoo.errors import UsageProblemError

PROGRAM = "import sys; from export.cli.main import main; sys.exit(main(sys.argv[1:]))"
ARGUMENTS = ["lenet5", "--batch", "8", "--seed", "4"]
ROOT = Path(__file__).parents[2]


def weights(path: Path) -> list[np.ndarray]:
    import keras

    return [weight.numpy() for weight in keras.saving.load_model(path, compile=False).weights]


@pytest.fixture(scope="module")
def trained(clothes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LeNet-5 trained on three classes for four epochs; tests must not change it."""
    out = tmp_path_factory.mktemp("trained") / "my.keras"
    assert main(["train", *ARGUMENTS, "--data", str(clothes), "--epochs", "4", "--out", str(out)]) == 0
    return out


def test_training_lowers_the_loss_and_writes_pictures(trained: Path) -> None:
    rows = json.loads((trained.with_suffix(".training") / "curve.json").read_text())
    assert [row["phase"] for row in rows] == ["head", "head", "fine", "fine"]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert max(row["score"] for row in rows) > 0.9  # 0.33 by chance
    left = sorted(path.name for path in trained.with_suffix(".training").iterdir())
    assert left == ["confusion.png", "curve.json", "curve.png", "settings.json"]
    for name in ("confusion.png", "curve.png"):
        with Image.open(trained.with_suffix(".training") / name) as picture:
            assert min(picture.size) > 200
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 10


def test_the_trained_file_is_exported_with_its_classes_and_preprocessing(
    trained: Path, clothes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--int8", "--calibration", str(clothes), "--evaluate", str(clothes), "--out", str(tmp_path)]
    lenet5, facts = zoo.find("lenet5"), own_file.read(trained)
    assert facts is not None
    assert facts.preprocessing == lenet5.preprocess(**lenet5.settings({}))
    assert main(["export", str(trained), *arguments, "--probe-count", "16"]) == 0
    assert (tmp_path / "my" / "labels.txt").read_text().split() == sorted(path.name for path in clothes.iterdir())
    manifest = json.loads((tmp_path / "my" / "manifest.json").read_text())
    assert manifest["evaluation"]["scores"]["top1"] > 0.9
    capsys.readouterr()
    photo = next((clothes / "Bag").iterdir())
    assert main(["run", str(tmp_path / "my"), str(photo), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answers"][0]["guesses"][0]["name"] == "Bag"


def test_a_killed_and_resumed_run_gives_the_same_weights(trained: Path, clothes: Path, tmp_path: Path) -> None:
    out = tmp_path / "my.keras"
    command = [sys.executable, "-c", PROGRAM, "train"]
    command += [*ARGUMENTS, "--data", str(clothes), "--epochs", "4", "--out", str(out)]
    curve = tmp_path / "my.training" / "curve.json"
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    while process.poll() is None and not (curve.is_file() and len(json.loads(curve.read_text())) >= 1):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    finished = len(json.loads(curve.read_text()))
    assert 1 <= finished < 4
    assert main([*command[3:], "--resume"]) == 0
    assert all(np.array_equal(*pair) for pair in zip(weights(out), weights(trained), strict=True))
    paths = (curve, trained.with_suffix(".training") / "curve.json")
    resumed, whole = ([row["loss"] for row in json.loads(path.read_text())] for path in paths)
    assert resumed == whole


def test_a_run_is_not_resumed_with_other_settings(
    trained: Path, clothes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(clothes), "--epochs", "4", "--out", str(trained), "--resume", "--batch", "9"]
    assert main(["train", *ARGUMENTS, *arguments]) == 2
    assert "batch was 8 and is now 9" in " ".join(capsys.readouterr().err.split())


def test_unusable_data_is_a_usage_problem(clothes: Path, tmp_path: Path) -> None:
    one = tmp_path / "one"
    (one / "Bag").mkdir(parents=True)
    (one / "Bag" / "a.png").write_bytes(next((clothes / "Bag").iterdir()).read_bytes())
    (one / "Shoe").mkdir()
    (one / "Shoe" / "b.png").write_bytes(next((clothes / "Trouser").iterdir()).read_bytes())
    for kind in ("Bag", "Shoe"):
        (tmp_path / "broken" / kind).mkdir(parents=True)
        for name in ("a.png", "b.png"):
            (tmp_path / "broken" / kind / name).write_bytes(kind.encode() + name.encode())
    for data, words in (
        (tmp_path / "broken", "can be read"),
        (tmp_path / "absent", "mnist, fashion_mnist, cifar10"),
        (clothes / "Bag", "is in no class folder"),
        (one, "at least two of each class"),
    ):
        with pytest.raises(UsageProblemError, match=words):
            train(TrainingRecipe(model="lenet5", data=str(data), out=tmp_path / "a.keras"), silent)
    assert not (tmp_path / "a.keras").exists()
    assert not (tmp_path / "a.training").exists()


def test_a_file_whose_facts_do_not_match_its_network_is_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(trained) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(members["zoo.json"])
    photo = facts["inputs"]["image"]
    for change, words in (
        ({"labels": ["a", "b"]}, "do not fit the model"),
        ({"labels": ["a", "\x1b[31m", "c"]}, "makes no sense"),
        ({"inputs": {"image": {**photo, "height": 64}}}, "do not fit the model"),
        ({"inputs": {"image": {"kind": "photo", "height": 64}}}, "makes no sense"),
        ({"inputs": {"image": {**photo, "scale": ["a"]}}}, "not a finite number"),
        ({"inputs": {"image": {"kind": "random", "distribution": "by dice"}}}, "unknown distribution"),
        ({"inputs": {"image": {"kind": "odour"}}}, "unknown kind"),
    ):
        with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
            for name, content in (members | {"zoo.json": json.dumps(facts | change).encode()}).items():
                archive.writestr(name, content)
        with pytest.raises(UsageProblemError, match=words):
            subject_of_file(tmp_path / "bad.keras", None)
    assert main(["export", str(tmp_path / "bad.keras"), "--int8", "--out", str(tmp_path)]) == 2
    assert "unknown kind" in " ".join(capsys.readouterr().err.split())

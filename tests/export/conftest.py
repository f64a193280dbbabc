from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.program import PROGRAM

if TYPE_CHECKING:
    import keras

Photos = tuple[np.ndarray, np.ndarray]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def fashion() -> Photos:
    """Real photos (N, 32, 32, 1) uint8 and their classes (N,)."""
    with np.load(ROOT / "tests" / "data" / "fashion_mnist_500.npz") as arrays:
        return arrays["calibration_photos"], arrays["calibration_labels"].astype(np.int32)


@pytest.fixture(scope="session")
def photo_folder(fashion: Photos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    for index, photo in enumerate(fashion[0][:80]):
        Image.fromarray(photo[:, :, 0]).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def photo_net(fashion: Photos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained Sequential .keras file that augments and normalises photos by itself."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 1), name="photo"),
            keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)], name="augmentation"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, name="kind"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(fashion[0].astype(np.float32), fashion[1], batch_size=16, epochs=3, verbose=0)
    path = tmp_path_factory.mktemp("own") / "photo_net.keras"
    model.save(path)
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[keras.Model], str]:
    """Save a model and return its path as a user types it."""

    def save(model: keras.Model) -> str:
        path = tmp_path / "own.keras"
        model.save(path)
        return str(path)

    return save


@pytest.fixture
def zoo(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `zoo WORDS` as a shell does, in an empty folder."""

    def run(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(words),
            cwd=tmp_path,
            env=environment(options.pop("env", {})),
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `zoo WORDS` in a process group of its own, and do not wait."""

    def popen(*words: object, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command(words),
            cwd=tmp_path,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return popen


def command(words: tuple[object, ...]) -> list[str]:
    return [*PROGRAM, *map(str, words)]


def environment(more: Mapping[str, str]) -> dict[str, str]:
    # Without TF_CPP_MIN_LOG_LEVEL: silence must be the program's own work.
    inherited = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    return {**inherited, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), **more}


def broken(folder: Path) -> list[str]:
    """Return the faults of an export's folder: files that are missing, changed or unlisted."""
    record = json.loads((folder / "manifest.json").read_text())
    expected = {file["file"]: file["sha256"] for file in record["files"]} | record["companions"]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    found.pop("manifest.json")
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))


@pytest.fixture
def wholeness() -> Callable[[Path], list[str]]:
    return broken


@pytest.fixture(scope="session")
def first_export(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """`zoo export lenet5 --format tflite --json` into an empty folder: the folder and what the shell saw."""
    folder = tmp_path_factory.mktemp("first")
    words = ("export", "lenet5", "--format", "tflite", "--json", "--out", folder)
    result = subprocess.run(
        command(words), env=environment({}), capture_output=True, text=True, timeout=120, check=False
    )
    return folder, result


@pytest.fixture(scope="session")
def second_export(
    first_export: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """`zoo export lenet5 --precision float16 --weights FILE` over the first; the folder also has a user's notes."""
    import zoo
    from zoo import weights

    folder = tmp_path_factory.mktemp("second") / "artifacts"
    shutil.copytree(first_export[0], folder)
    (folder / "lenet5" / "my-notes.txt").write_text("mine")
    architecture = zoo.find("lenet5")
    model = architecture.build()
    assert weights.load(model, architecture).trained
    file = tmp_path_factory.mktemp("secret place") / "mine.weights.h5"
    model.save_weights(file)
    words = ("export", "lenet5", "--weights", file, "--format", "tflite", "--precision", "float16", "--out", folder)
    result = subprocess.run(
        command(words), env=environment({}), capture_output=True, text=True, timeout=120, check=False
    )
    return folder, result


@pytest.fixture
def delivered(first_export: tuple[Path, Any], tmp_path: Path) -> Path:
    """An --out folder with a whole export of lenet5 in it, of this test alone."""
    out = tmp_path / "artifacts"
    shutil.copytree(first_export[0], out)
    return out

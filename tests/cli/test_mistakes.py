"""Every mistake of the table is answered before TensorFlow starts, in one line, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

from export.cli.main import command_names, load_command
from tests.cli.mistakes import HEALTHY, STARTED, cases, wrong_values
from tests.program import PROGRAM

ROOT = Path(__file__).parents[2]
CASES = list(dict.fromkeys(cases()))
TYPED = [*CASES, *HEALTHY]
LAYERS = "import keras\n"


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what users have: models, photos, texts, arrays, whole and damaged."""
    folder = tmp_path_factory.mktemp("mistakes")
    _models(folder)
    _photos(folder)
    _rows(folder)
    (folder / "texts.txt").write_text("a text\nanother text\n")
    (folder / "texts.csv").write_text("text,class\n" + "".join(f"text {i},{i % 2}\n" for i in range(8)))
    (folder / "none.csv").write_text("")
    (folder / "own_layers.py").write_text(LAYERS)
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "sweep.toml").write_text('models = ["lenet5"]\n[recipes.int8]\nint8 = true\n')
    (folder / "typo.toml").write_text('models = ["lenet5"]\n[recipes.int8]\nint9 = true\n')
    (folder / "refused.toml").write_text(
        'models = ["lenet5"]\ndevices = ["ethos-u"]\n[recipes.a]\nprecision = "float16"\n'
    )
    (folder / "samples.py").write_text("def rows():\n    return []\n")
    return folder


def _models(folder: Path) -> None:
    import keras
    from keras import layers

    from export import Recipe, run

    inner = keras.Sequential([keras.Input((8,)), layers.Dense(5, name="first")], name="inner")
    rows = keras.Input((8,), name="rows")
    own = keras.Model(rows, layers.Dense(3, name="hidden")(inner(rows)), name="own")
    own.save(folder / "own.keras")
    own.save(folder / "own.h5")
    own.save_weights(folder / "plain.weights.h5")
    (folder / "plain.weights.h5").rename(folder / "weights.h5")
    own.export(folder / "saved", verbose=False)
    keras.Model(rows, layers.Lambda(lambda x: x + 1)(rows)).save(folder / "code.keras")
    keras.Model(rows, layers.Dense(2, name="two words")(rows)).save(folder / "spaced.keras")
    photo = keras.Input((None, None, 3), name="photo")
    keras.Model(photo, layers.GlobalAveragePooling2D()(photo)).save(folder / "open.keras")
    image = keras.Input((32, 32, 3), name="image")
    means = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(image))
    keras.Model(image, layers.Dense(2)(means)).save(folder / "rescaled.keras")
    grey = keras.Input((28, 28, 1), name="grey")
    keras.Model(grey, layers.Dense(2)(layers.GlobalAveragePooling2D()(grey))).save(folder / "grey.keras")
    _damaged(folder)
    run(Recipe(model="lenet5", formats=("tflite",), out=folder / "delivered"))


def _damaged(folder: Path) -> None:
    content = (folder / "own.keras").read_bytes()
    (folder / "cut.keras").write_bytes(content[: len(content) // 2])
    (folder / "empty.keras").write_bytes(b"")
    (folder / "text.keras").write_text("no model")
    (folder / "text.h5").write_text("no model")
    middle = len(content) // 2
    other = bytes(byte ^ 0xFF for byte in content[middle : middle + 8])
    (folder / "changed.keras").write_bytes(content[:middle] + other + content[middle + 8 :])
    with zipfile.ZipFile(folder / "zip.keras", "w") as archive:
        archive.writestr("readme.txt", "no model")
    with zipfile.ZipFile(folder / "own.keras") as whole, zipfile.ZipFile(folder / "no_weights.keras", "w") as part:
        part.writestr("config.json", whole.read("config.json"))
    h5 = (folder / "own.h5").read_bytes()
    (folder / "cut.h5").write_bytes(h5[: len(h5) // 2])
    (folder / "h5.keras").write_bytes(h5)
    shutil.copytree(folder / "saved", folder / "saved_without_variables")
    shutil.rmtree(folder / "saved_without_variables" / "variables")
    shutil.copytree(folder / "saved", folder / "saved_half")
    (data,) = (folder / "saved_half" / "variables").glob("*.data-*")
    data.rename(data.with_name("variables.data-00000-of-00002"))
    shutil.copytree(folder / "saved", folder / "saved_cut")
    graph = (folder / "saved" / "saved_model.pb").read_bytes()
    (folder / "saved_cut" / "saved_model.pb").write_bytes(graph[: len(graph) // 2])


def _photos(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for kind in ("pets/cat", "pets/dog", "one/cat"):
        (folder / kind).mkdir(parents=True)
        for index in range(4):
            Image.fromarray(generator.integers(0, 255, (40, 40, 3), np.uint8)).save(folder / kind / f"{index}.png")
    (folder / "loose").mkdir()
    shutil.copy(folder / "pets" / "cat" / "0.png", folder / "loose" / "0.png")
    (folder / "heic").mkdir()
    (folder / "heic" / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / "unreadable" / "cat").mkdir(parents=True)
    for index in range(3):
        (folder / "unreadable" / "cat" / f"{index}.jpg").write_text("no photo")
    shutil.copytree(folder / "unreadable", folder / "one_readable")
    shutil.copy(folder / "pets" / "cat" / "0.png", folder / "one_readable" / "z.png")
    (folder / "empty").mkdir()
    (folder / "photos.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (folder / "list_of_missing.csv").write_text("file,class\nnowhere.png,cat\nneither.png,dog\n")
    lines = [f"pets/{kind}/{index}.png,{kind}" for kind in ("cat", "dog") for index in range(4)]
    (folder / "list.csv").write_text("\n".join(["file,class", *lines]) + "\n")


def _rows(folder: Path) -> None:
    np.save(folder / "rows.npy", np.zeros((120, 8), np.float32))
    np.save(folder / "wide.npy", np.zeros((120, 9), np.float32))
    np.save(folder / "bytes.npy", np.zeros((120, 32, 32), np.uint8))
    np.save(folder / "photos.npy", np.zeros((120, 32, 32, 3), np.uint8))
    np.savez(folder / "named.npz", rows=np.zeros((120, 8)))
    np.savez(folder / "other.npz", rows=np.zeros((120, 7)), more=np.zeros(120))
    content = (folder / "rows.npy").read_bytes()
    (folder / "cut.npy").write_bytes(content[:40])
    (folder / "broken.npz").write_bytes(b"PK no archive")
    rows = np.zeros((50, 8), np.float32)
    holes = rows.copy()
    holes[3, 2] = np.nan
    np.save(folder / "holes.npy", holes)
    np.savez(folder / "holes_labelled.npz", rows=holes, label=np.zeros(50))
    np.savez(folder / "no_targets.npz", rows=rows)
    np.savez(folder / "unequal.npz", rows=rows, label=np.zeros(49))
    np.savez(folder / "labelled.npz", rows=rows, label=np.zeros(50))
    ids = {name: np.ones((20, 63), np.int32) for name in ("ids", "mask", "segment_ids")}
    np.savez(folder / "short_tokens.npz", **ids)
    np.savez(folder / "tokens.npz", **{name: np.ones((20, 128), np.int64) for name in ids})
    late = np.zeros((5000, 8), np.float32)
    late[-1] = np.inf
    np.save(folder / "late_hole.npy", late)
    np.save(folder / "objects.npy", np.array([{}, {}], dtype=object))


@pytest.fixture(scope="session")
def found(files: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """What came of every line, typed in one process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.mistakes"],
        input=json.dumps(TYPED),
        cwd=files,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(TYPED, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("words", CASES, ids=" ".join)
def test_a_mistake_is_one_line_that_starts_nothing(
    words: tuple[str, ...], found: dict[tuple[str, ...], dict[str, Any]]
) -> None:
    result = found[words]
    assert result["code"] in (2, 3), result
    assert result["err"].startswith("error: "), result["err"]
    assert result["err"].count("\n") == 1, result["err"]
    assert STARTED not in result["err"]
    assert (result["out"], result["heavy"], result["left"]) == ("", [], [])


@pytest.mark.parametrize("words", HEALTHY, ids=" ".join)
def test_what_is_no_mistake_is_not_refused(
    words: tuple[str, ...], found: dict[tuple[str, ...], dict[str, Any]]
) -> None:
    result = found[words]
    assert result["err"].splitlines()[-1] == f"error: {STARTED}", result["err"]
    notes = [line for line in result["err"].splitlines() if line.startswith("note: ")]
    assert [HEALTHY[words] in note for note in notes] == ([True] if HEALTHY[words] else []), notes


@pytest.mark.parametrize("name", command_names())
def test_every_option_has_a_wrong_value_in_the_table(name: str) -> None:
    options = [
        option
        for option in load_command(name).params
        if not (isinstance(option, click.Option) and option.is_flag) and not wrong_values(option, name)
    ]
    assert [option.opts[0] for option in options] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("export", "mobilenet", "--weights", "imagnet"), "unknown weights of mobilenet 'imagnet'"),
        (("export", "cut.keras"), "cut.keras is damaged or truncated"),
        (("train", "lenet5", "--data", "pet"), "--data 'pet' does not exist; did you mean 'pets'?"),
    ],
)
def test_a_shell_sees_the_same(words: tuple[str, ...], expected: str, files: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*PROGRAM, *words], cwd=files, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {expected}")
    assert done.stderr.count("\n") == 1

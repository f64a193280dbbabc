"""The folder of a microcontroller: C++ that compiles, checks itself, and prepares photos as the export did."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export.bundle import golden
from export.bundle.deploy.micro import outputs
from export.bundle.deploy.micro.outputs import checked_fidelity, checked_rounding
from export.bundle.deploy.micro.sound import WIDTH, section
from export.bundle.deploy.micro.sources import quoted
from export.bundle.read import read
from export.cli.main import main
from export.formats.tflite.micro.kernels import METHODS
from export.progress import Quiet
from zoo.audio import FrontEnd
from zoo.errors import CheckFailedError
from zoo.inputs.sound import Sound

HERE = Path(__file__).parent
FLAGS = ["-std=c++17", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off"]
compiled = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export, with that of a microcontroller beside it."""
    out = tmp_path_factory.mktemp("out")
    command = ["export", "lenet5", "--int8", "--format", "tflite", "--target", "microcontroller", "--out", str(out)]
    assert main(command) == 0
    return out / "lenet5"


@pytest.fixture(scope="module")
def folder(exported: Path) -> Path:
    return exported.with_name("lenet5-microcontroller")


def build(folder: Path, program: Path, *flags: str) -> None:
    sources = sorted(map(str, folder.glob("*.cc")))
    command = ["g++", *FLAGS, *flags, f"-I{folder}", f"-I{HERE / 'interface'}", *sources, str(HERE / "board.cc")]
    done = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def first_photo(exported: Path) -> bytes:
    """Return the first golden photo in RGB, as a camera gives it."""
    photos = golden.read(exported / "golden.npz").photos
    assert photos is not None
    return np.repeat(photos[0], 3, axis=-1).tobytes()  # of LeNet-5 in grey


@compiled
def test_the_sources_compile_check_themselves_and_feed_a_photo_as_the_export_did(
    exported: Path, folder: Path, tmp_path: Path
) -> None:
    build(folder, tmp_path / "board", "-DPHOTO")
    done = subprocess.run([tmp_path / "board"], input=first_photo(exported), capture_output=True, check=False)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, lines
    assert "self-check passed: all outputs are those of the export" in lines
    assert lines[-1] == "the photo is the first golden sample"
    assert lines[-2] in (exported / "labels.txt").read_text().splitlines()


@compiled
def test_one_other_number_fails_the_self_check(exported: Path, folder: Path, tmp_path: Path) -> None:
    build(folder, tmp_path / "board", "-DPHOTO", "-DBROKEN")
    done = subprocess.run([tmp_path / "board"], input=b"", capture_output=True, text=False, check=False)
    assert done.returncode == 1
    assert re.search(r"self-check failed: \d+ numbers differ", done.stdout.decode())


def test_methods_of_the_resolver_are_those_of_the_published_interface() -> None:
    interface = (HERE / "interface/tensorflow/lite/micro/micro_mutable_op_resolver.h").read_text()
    assert set(METHODS.values()) <= set(re.findall(r"METHOD\((Add\w+)\)", interface))


@compiled
@pytest.mark.large
def test_several_inputs_and_outputs_compile_and_check_themselves(tmp_path: Path) -> None:
    command = ["export", "vae", "--int8", "--format", "tflite", "--target", "microcontroller", "--no-reconstruct"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    folder = tmp_path / "vae-microcontroller"
    assert "kInputs = 2, kOutputs = 3;" in (folder / "model.h").read_text()
    assert "kMostSteps = 4;" in (folder / "golden.h").read_text()  # the exponential is computed in float
    build(folder, tmp_path / "board")
    done = subprocess.run([tmp_path / "board"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "self-check passed: all outputs are those of the export" in done.stdout


def test_the_bytes_of_the_network_are_those_of_the_file(exported: Path, folder: Path) -> None:
    body = re.search(r"kModel\[\] = \{\n(.*?)\};", (folder / "model.cc").read_text(), re.DOTALL)
    assert body is not None
    written = bytes(map(int, body[1].replace("\n", "").rstrip(",").split(",")))
    assert written == (exported / "lenet5-int8.tflite").read_bytes()
    assert "alignas(16)" in (folder / "model.cc").read_text()


def test_the_record_says_what_the_network_needs(folder: Path) -> None:
    record = json.loads((folder / "model.json").read_text())
    memory = record["memory"]
    assert [spec["dtype"] for spec in (*record["inputs"], *record["outputs"])] == ["int8", "int8"]
    assert memory["arena_bytes"] >= 1.05 * memory["planned_bytes"]
    assert memory["planned_bytes"] == memory["activations_bytes"] + memory["persistent_bytes"]
    assert f"kArenaBytes = {memory['arena_bytes']};" in (folder / "model.h").read_text()
    added = re.findall(r"operators\.(\w+)\(\)", (folder / "operators.h").read_text())
    assert added == record["operators"] == ["AddConv2D", "AddFullyConnected", "AddMaxPool2D"]
    assert record["macs"] == 416_520
    readme = (folder / "README.md").read_text()
    assert f"{memory['arena_bytes']:,} bytes" in readme
    assert f"{memory['flash_bytes']:,} bytes" in readme


@pytest.mark.large
def test_the_runtime_computes_what_plain_kernels_do_in_the_memory_that_was_planned(folder: Path) -> None:
    record = json.loads((folder / "model.json").read_text())
    checked, memory = record["checked"], record["memory"]
    assert checked["runtime"]
    assert "kMostSteps = 0;" in (folder / "golden.h").read_text()
    # LiteRT's plain kernel rounds the sums of a dense layer once, that of TensorFlow Lite Micro twice.
    assert checked["to_plain_kernels"] == "logits: 100.0% within one step, 1 at most"
    assert checked["samples"] >= 8
    assert checked["activations_bytes"] == memory["activations_bytes"]
    used = checked["activations_bytes"] + checked["persistent_bytes"]
    assert used <= memory["planned_bytes"] <= 1.05 * used


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--precision", "float16"], "type --precision int8"),
        (["--precision", "int8_dynamic"], "type --precision int8"),
        (["--int8", "--io", "float32"], "leave out --io float32"),
        (["--int8", "--format", "onnx"], "add --format tflite"),
        (["--int8", "--format", "tflite", "--allow-select-tf-ops"], "leave out --allow-select-tf-ops"),
    ],
)
def test_what_no_microcontroller_runs_is_refused_before_the_export(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", *words, "--target", "microcontroller", "--out", str(tmp_path)]) == 2
    assert expected in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("check", [checked_rounding, checked_fidelity])
def test_outputs_of_other_photos_fail_both_comparisons(check: Callable[..., object], exported: Path) -> None:
    delivered = read(exported)
    (file,) = delivered.files
    samples = golden.read(exported / "golden.npz")
    stored = samples.stored[file.path.name]
    others = {name: np.roll(values, 1, axis=0) for name, values in stored.items()}
    expected = (stored, samples.expected) if check is checked_rounding else (samples.expected,)
    check(file, stored, *expected, delivered)
    with pytest.raises(CheckFailedError, match=r"lenet5-int8\.tflite (loses too much|was not shown to compute)"):
        check(file, others, *expected, delivered)


def test_names_of_classes_are_plain_strings_of_cpp() -> None:
    assert quoted('tie "x"\\n?') == '"tie \\042x\\042\\134n\\077"'
    assert quoted("\u00e9\n") == '"\\303\\251\\012"'


def test_the_arena_grows_until_the_interpreter_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms: list[int] = []

    def starts(path: Path, inputs: Any, names: Any, room: int, progress: Any) -> None:
        rooms.append(room)
        if room < 10_000:
            raise CheckFailedError("too little memory")

    monkeypatch.setattr(outputs.tflite_micro, "run", starts)
    file: Any = SimpleNamespace(path=Path("net.tflite"))
    assert outputs._enough(file, {"x": np.zeros((2, 4))}, ["y"], 8192, Quiet()) == rooms[-1] >= 10_000
    assert all(room % 1024 == 0 for room in rooms)
    with pytest.raises(CheckFailedError):
        outputs._enough(file, {"x": np.zeros((2, 4))}, ["y"], 1024, Quiet())


def test_numbers_of_tokens_are_refused_with_what_runs_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    y = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8, name="words")(tokens))
    keras.Model(tokens, layers.Dense(3, name="scores")(y)).save(tmp_path / "texts.keras")
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).integers(0, 20, (120, 6), np.int32))
    command = ["export", str(tmp_path / "texts.keras"), "--int8", "--format", "tflite", "--target", "microcontroller"]
    assert main([*command, "--calibration", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "out")]) == 2
    assert "tokens is int32, which --io does not change; --target raspberry-pi runs it" in capsys.readouterr().err


def test_the_readme_has_the_settings_of_the_front_end() -> None:
    whole = FrontEnd(bands=40, low_hz=125.0, high_hz=7500.0, arithmetic="fixed point", scale=10 / 256)
    text = section(SimpleNamespace(inputs={"sound": Sound(front_end=whole)}))  # type: ignore[arg-type]
    assert "config.filterbank.upper_band_limit = 7500.0f;" in text
    assert "config.window.size_ms = 30;" in text
    assert "times 0.0390625:" in text
    text = section(SimpleNamespace(inputs={"sound": Sound(front_end=FrontEnd(coefficients=10))}))  # type: ignore[arg-type]
    assert "the first 10 numbers of a DCT-II" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= WIDTH
    assert section(SimpleNamespace(inputs={})) == ""  # type: ignore[arg-type]

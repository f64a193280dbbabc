"""The code in a delivered folder gives the classes of `zoo run` on 50 photos, in Python and in Chromium."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.bundle.read import read
from export.bundle.snippets import companions
from export.bundle.web.libraries import LITERT_JS, ONNXRUNTIME_WEB, WebLibrary
from export.cli.main import main
from export.formats import FORMATS
from export.runtime.emulation.chromium import Page
from tests.browser.conftest import COUNT, served
from zoo.inputs import Vector
from zoo.weights import sources

# Grey bytes of the camera, colours of the camera, real numbers in blue, green and red, and integers that are rounded.
NETWORKS = {
    "lenet5": ("lenet5", "--int8", "--no-reconstruct"),
    "mobilenet": ("mobilenet", "--weights", "tiny", "--precision", "float32,int8", "--no-reconstruct"),
    "resnet50": ("resnet50", "--weights", "tiny", "--int8", "--no-reconstruct"),
    "int8 inputs": ("lenet5", "--int8", "--io", "int8", "--no-reconstruct"),
    "float": ("lenet5", "--precision", "float32"),
}
QUICK = ("lenet5", "int8 inputs")
EVERY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.large) for name in NETWORKS]
MODULES = {
    "onnxruntime-web/wasm": "onnxruntime-web/dist/ort.wasm.min.mjs",
    "@litertjs/core": "@litertjs/core/dist/index.js",
    "@litertjs/wasm-utils": "@litertjs/wasm-utils/dist/bundle.js",
}


def named(export: Path, format_name: str) -> str:
    """Return the file of a format that `zoo run` prefers."""
    found = [file for file in read(export).files if file.format == format_name]
    return next((file for file in found if file.scheme.name == "int8"), found[0]).path.name


def expected(export: Path, file: str, photos: list[Path], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the likeliest class of each photo by `zoo run`."""
    capsys.readouterr()
    assert main(["run", str(export), *map(str, photos), "--file", file, "--json"]) == 0
    found = [one["guesses"][0] for one in json.loads(capsys.readouterr().out)["answers"]]
    assert len(found) == COUNT
    assert len({one["index"] for one in found}) > 3  # otherwise equal classes would show little
    return found


@pytest.mark.parametrize("network", EVERY)
@pytest.mark.parametrize("program", ["run_litert.py", "run_onnxruntime.py"])
def test_python_gives_the_classes_of_zoo_run(
    program: str,
    network: str,
    exported: Callable[..., Path],
    photos: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export = exported(*NETWORKS[network])
    wanted = expected(export, named(export, "tflite" if "litert" in program else "onnx"), photos, capsys)
    command = [sys.executable, str(export / program), *map(str, photos)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    best: dict[str, tuple[str, str]] = {}
    for photo, share, name in lines:
        best.setdefault(photo, (name, share))
    assert [best[str(photo)] for photo in photos] == [(one["name"], f"{one['probability']:.6f}") for one in wanted]


def installed(library: WebLibrary, modules: Path) -> None:
    """Put the pinned files of a library where npm would install them."""
    for source, _ in library.sources:
        package = modules / source.location.rpartition("@")[0]
        for member, path in zip(source.members, sources.fetch(source), strict=True):
            place = package / member.removeprefix("package/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm") / "node_modules"
    for library in (LITERT_JS, ONNXRUNTIME_WEB):
        installed(library, folder)
    return folder


@pytest.mark.parametrize("network", EVERY)
@pytest.mark.parametrize("program", ["run_litert.mjs", "run_onnxruntime.mjs"])
def test_javascript_gives_the_classes_of_zoo_run(
    program: str,
    network: str,
    exported: Callable[..., Path],
    photos: list[Path],
    modules: Path,
    browser: Page,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export = exported(*NETWORKS[network])
    if program == "run_litert.mjs" and network == "int8 inputs":
        assert not (export / program).exists()  # LiteRT.js as it is published takes no int8.
        return
    wanted = expected(export, named(export, "tflite" if "litert" in program else "onnx"), photos, capsys)
    site = Path(shutil.copytree(export, tmp_path / "site"))
    shutil.copytree(modules, site / "node_modules")
    for photo in photos:
        shutil.copyfile(photo, site / f"photo{photo.name}")
    imports = {name: f"./node_modules/{place}" for name, place in MODULES.items()}
    (site / "index.html").write_text(
        f'<!doctype html><body><script type="importmap">{json.dumps({"imports": imports})}</script>'
        "<script>globalThis.page = { started: Promise.resolve() }</script></body>"
    )
    names = json.dumps([f"photo{photo.name}" for photo in photos])
    with served(site) as address:
        browser.open(address)
        found = browser.evaluate(
            f"(async () => {{ const code = await import('./{program}'); const found = [];"
            f"for (const name of {names}) found.push((await code.classify(await (await fetch(name)).blob()))[0]);"
            "return found; })()"
        )
    assert [(one["index"], one["name"]) for one in found] == [(one["index"], one["name"]) for one in wanted]
    assert np.allclose([one["probability"] for one in found], [one["probability"] for one in wanted], atol=1e-4)


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_program_of_numbers_says_what_to_type(format_name: str) -> None:
    """A model that takes numbers runs on golden inputs: its command has no argument, and no space after it."""
    spec = {"name": "x", "shape": [1, 4], "dtype": "float32", "scale": None, "zero_point": None}
    record = {"file": "m", "format": format_name, "precision": "float32", "takes_camera_bytes": False}
    manifest = {"inputs": {"x": {"kind": Vector.kind}}, "files": [{**record, "inputs": [spec], "outputs": [spec]}]}
    code = companions(manifest)
    (name,) = (one for one in code if one.endswith(".py"))
    lines = code[name].decode().splitlines()
    assert f"    python {name}" in lines
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_changed_preparation_is_noticed(
    exported: Callable[..., Path], photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison of 50 photos is worth something: another filter changes what is printed."""
    export = exported(*NETWORKS["lenet5"])
    wanted = expected(export, named(export, "tflite"), photos, capsys)
    copy = Path(shutil.copytree(export, tmp_path / "copy"))
    code = (copy / "run_litert.py").read_text()
    assert code.count("BILINEAR") == 1
    (copy / "run_litert.py").write_text(code.replace("BILINEAR", "NEAREST"))
    done = subprocess.run(
        [sys.executable, str(copy / "run_litert.py"), *map(str, photos)], capture_output=True, text=True, check=True
    )
    shares = [line.split("\t")[1] for line in done.stdout.splitlines()[::5]]
    assert shares != [f"{one['probability']:.6f}" for one in wanted]


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
@pytest.mark.parametrize("network", EVERY)
def test_cpp_writes_the_input_of_the_export(
    network: str, exported: Callable[..., Path], photos: list[Path], tmp_path: Path
) -> None:
    """The header fills the input from fitted bytes, and places the part of a photo that is cut out."""
    from PIL import Image

    export = exported(*NETWORKS[network])
    delivered = read(export)
    preprocessing = delivered.preprocessing
    assert preprocessing is not None
    file = next(file for file in delivered.files if file.path.name == named(export, "tflite"))
    pixels = np.random.default_rng(0).integers(0, 256, (preprocessing.height, preprocessing.width, 3), np.uint8)
    (tmp_path / "pixels").write_bytes(pixels.tobytes())
    kind = {"float32": "float", "uint8": "std::uint8_t", "int8": "std::int8_t"}[file.inputs[0].dtype]
    (tmp_path / "main.cc").write_text(
        f'#include "{export / "photo_input.h"}"\n#include <cstdio>\n#include <vector>\n'
        "int main() { std::vector<std::uint8_t> rgb(std::size_t{3} * photo_input::kHeight * photo_input::kWidth);\n"
        f"std::vector<{kind}> input(photo_input::kSize);\n"
        "if (std::fread(rgb.data(), 1, rgb.size(), stdin) != rgb.size()) return 1;\n"
        "photo_input::Fill(rgb.data(), input.data());\n"
        f"std::fwrite(input.data(), sizeof({kind}), input.size(), stdout); return 0; }}\n"
    )
    build = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off", "main.cc", "-o", "main"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = subprocess.run(["./main"], cwd=tmp_path, input=pixels.tobytes(), capture_output=True, check=True).stdout
    fitted = preprocessing.photo(Image.fromarray(pixels)) if preprocessing.colours == "GRAY" else pixels
    real = preprocessing.normalise(fitted[None])
    wanted = fitted if file.takes_camera_bytes else file.inputs[0].quantize(real)
    assert found == wanted.tobytes()


def test_texts_of_a_hostile_manifest_do_not_become_code(exported: Callable[..., Path]) -> None:
    manifest = json.loads((exported(*NETWORKS["lenet5"]) / "manifest.json").read_text())
    evil = 'x"""\n\'); import os; os.abort() #'
    for record in manifest["files"]:
        record["file"] = record["inputs"][0]["name"] = record["outputs"][0]["name"] = evil
    manifest["inputs"] = {evil: manifest["inputs"]["image"]}
    code_files = companions(manifest)
    assert len(code_files) == 8
    for name, content in code_files.items():
        code = content.decode()
        if name.endswith(".py"):
            compile(code, name, "exec")
            calls = [line for line in code.splitlines() if "os.abort" in line]
            assert all(json.dumps(evil) in line or line.startswith('"""Run') for line in calls), calls
        assert evil not in code
    manifest["inputs"][evil]["resize"] = "bilinear) or exit("
    with pytest.raises(ValueError, match="unknown words"):
        companions(manifest)


@pytest.mark.parametrize("name", ["run_litert.py", "preprocess.js"])
def test_verify_sees_code_that_does_not_fit_the_manifest(
    name: str, exported: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(exported(*NETWORKS["lenet5"]), tmp_path / "copy"))
    assert main(["verify", str(copy)]) == 0
    changed = (copy / name).read_bytes() + b"\n"
    (copy / name).write_bytes(changed)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["companions"][name] = hashlib.sha256(changed).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    capsys.readouterr()
    assert main(["verify", str(copy)]) == 1
    assert f"{name}: not the code of this manifest" in " ".join(capsys.readouterr().out.split())

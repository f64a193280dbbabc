"""The Kotlin of a delivered folder makes of photos the bytes that Python makes of them, on the JVM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calibration.samples import Array
from export.bundle.snippets import companions
from export.formats import PRIMARY
from export.model.tensor_spec import TensorSpec
from tests.kotlin.compiler import MISSING, STUBS, compiled, run
from zoo.inputs import Photo, record
from zoo.preprocessing import Preprocessing
from zoo.preprocessing.conventions import CONVENTIONS

pytestmark = pytest.mark.skipif(MISSING != "", reason=MISSING)

# Width and height: larger and smaller than the input, equal to it, one pixel, far from square, odd halves to round.
SIZES = ((640, 480), (97, 331), (32, 24), (24, 24), (1, 1), (500, 3), (25, 49), (1023, 767), (60, 121))
UNIT, TORCH, CAFFE = (CONVENTIONS[name] for name in ("unit", "torch", "caffe"))


def photo(**changes: Any) -> Preprocessing:
    return Preprocessing(**{"height": 24, "width": 24, "scale": UNIT.scale, "offset": UNIT.offset, **changes})


def of(convention: Any) -> dict[str, Any]:
    return {"scale": convention.scale, "offset": convention.offset, "colours": convention.colours}


# Each filter, fit, order of colours and type of input, wide inputs and tall ones.
FIXTURES: Mapping[str, tuple[Preprocessing, str]] = {
    "bicubic crop": (photo(), "float32"),
    "bicubic stretch": (photo(fit="stretch", crop_fraction=1.0), "float32"),
    "bicubic wide": (photo(width=32), "float32"),
    "bilinear crop": (photo(resize="bilinear"), "float32"),
    "bilinear tall": (photo(resize="bilinear", height=40, crop_fraction=1.0), "float32"),
    "bilinear stretch": (photo(resize="bilinear", fit="stretch", crop_fraction=1.0), "int8"),
    "nearest crop": (photo(resize="nearest"), "float32"),
    "nearest stretch": (photo(resize="nearest", fit="stretch", crop_fraction=1.0, width=31), "bytes"),
    "a scale for each colour": (photo(**of(TORCH)), "float32"),
    "a scale for each colour in int8": (photo(**of(TORCH)), "int8"),
    "blue first": (photo(**of(CAFFE)), "float32"),
    "grey bytes": (photo(colours="GRAY"), "bytes"),
}
SCALE, ZERO_POINT = 0.0186584499, -14


def manifest(preprocessing: Preprocessing, kind: str) -> dict[str, Any]:
    """Return the manifest of a file with one photo as input."""
    dtype = {"bytes": "uint8"}.get(kind, kind)
    grid = {"scale": SCALE, "zero_point": ZERO_POINT} if kind == "int8" else {"scale": None, "zero_point": None}
    image = {"name": "image", "shape": [1, *preprocessing.shape], "dtype": dtype, **grid}
    scores = {"name": "scores", "shape": [1, 10], "dtype": "float32", "scale": None, "zero_point": None}
    file = {"file": "net.tflite", "format": PRIMARY.name, "precision": "int8", "takes_camera_bytes": kind == "bytes"}
    contracts = record({"image": Photo(preprocessing=preprocessing)})
    return {"inputs": contracts, "files": [{**file, "inputs": [image], "outputs": [scores]}]}


def expected(preprocessing: Preprocessing, kind: str, pixels: Array) -> bytes:
    """Return the input that Python makes of a photo."""
    fitted = preprocessing.photo(Image.fromarray(pixels))
    if kind == "bytes":
        return fitted.tobytes()
    real = preprocessing.normalise(fitted)
    if kind == "float32":
        return real.tobytes()
    spec = TensorSpec(name="image", shape=real.shape, dtype=kind, scale=SCALE, zero_point=ZERO_POINT)
    return spec.quantize(real).tobytes()


def test_photos_become_the_bytes_of_python(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    photos = [generator.integers(0, 256, (height, width, 3), np.uint8) for width, height in SIZES]
    for number, pixels in enumerate(photos):
        argb = (pixels.astype(np.int64) << np.array([16, 8, 0])).sum(-1) | 0xFF000000
        (tmp_path / f"photo{number}").write_bytes(argb.astype(">u4").tobytes())
    for number, (preprocessing, kind) in enumerate(FIXTURES.values()):
        code = companions(manifest(preprocessing, kind))["photo_input.kt"].decode()
        (tmp_path / f"Fixture{number}.kt").write_text(f"package fixture{number}\n\n{code}")
    (tmp_path / "Main.kt").write_text(program(len(FIXTURES)))
    compiled([*tmp_path.glob("*.kt"), *STUBS.glob("*.kt")], tmp_path / "classes")
    run(tmp_path / "classes", "MainKt", [str(tmp_path), *(f"{width}x{height}" for width, height in SIZES)])
    for number, (name, (preprocessing, kind)) in enumerate(FIXTURES.items()):
        found = (tmp_path / f"input{number}").read_bytes()
        for size, pixels in zip(SIZES, photos, strict=True):
            wanted = expected(preprocessing, kind, pixels)
            assert found[: len(wanted)] == wanted, f"{name}, {size}"
            found = found[len(wanted) :]
        assert found == b"", name


def program(fixtures: int) -> str:
    """Return a program that writes the inputs of all photos, a file for each fixture."""
    lines = "\n".join(f"    write({number}) {{ fixture{number}.PhotoInput.of(it) }}" for number in range(fixtures))
    return f"""\
import android.graphics.Bitmap
import java.io.File
import java.nio.ByteBuffer

fun main(arguments: Array<String>) {{
    val folder = File(arguments[0])
    val photos = arguments.drop(1).mapIndexed {{ number, size ->
        val (width, height) = size.split("x").map {{ it.toInt() }}
        val stored = ByteBuffer.wrap(File(folder, "photo$number").readBytes()).asIntBuffer()
        Bitmap(width, height, IntArray(width * height) {{ stored.get(it) }})
    }}
    fun write(number: Int, input: (Bitmap) -> ByteBuffer) = File(folder, "input$number").outputStream().use {{ file ->
        for (photo in photos) {{
            val buffer = input(photo)
            file.write(ByteArray(buffer.remaining()).also {{ buffer.get(it) }})
        }}
    }}
{lines}
}}
"""

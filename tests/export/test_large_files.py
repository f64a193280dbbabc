"""Large files lie on disk, and nothing copies their weights without need."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import flatbuffers
import pytest

from export.formats import FORMATS
from export.formats.enclosure import Enclosure
from export.formats.onnx import census
from export.formats.tflite import flatbuffer
from export.pipeline import run
from export.recipe import Recipe
from export.runtime import file_content
from export.runtime.file_content import NOTHING, FileContent
from export.scheme import FLOAT32
from tests.language.small_decoders import small


@pytest.mark.parametrize("most", [3, 7])
def test_content_is_the_same_in_memory_and_on_disk(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_content, "MOST_IN_MEMORY_BYTES", most)
    content = FileContent.of(b"content", tmp_path, "file.tflite")
    assert (content.path is None) == (most == 7)
    assert bool(content.in_memory) == (most == 7)
    assert len(content) == 7
    assert content.read() == b"content"
    assert content.sha256() == hashlib.sha256(b"content").hexdigest()
    content.copy(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"
    assert content.on_disk(tmp_path, "file.tflite").read_bytes() == b"content"
    assert content.on_disk(tmp_path, "file.tflite").name == "file.tflite"


@pytest.mark.parametrize("most", [3, 70])
@pytest.mark.parametrize("has_data", [False, True])
def test_bytes_around_a_file_leave_the_file_and_its_data_as_they_are(
    most: int, has_data: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_content, "MOST_IN_MEMORY_BYTES", most)
    (tmp_path / "w.data").write_bytes(b"weights")
    content = FileContent.of(b"content", tmp_path, "file.onnx", tmp_path / "w.data" if has_data else None)
    for _ in range(2):  # the same file may be described twice
        found = content.enclosed(Enclosure(before=b"<", behind=b">>"), tmp_path, "file.onnx")
        assert (found.path is None) == (content.path is None)
        assert found.read() == b"<content>>"
        assert len(found) == len(content) + 3
        assert found.sha256() == hashlib.sha256(b"<content>>").hexdigest()
        assert found.data_digests() == content.data_digests()
        assert content.read() == b"content"
    (tmp_path / "copy").mkdir()
    written = found.copy(tmp_path / "copy" / "file.onnx")
    assert [path.read_bytes() for path in written] == [b"<content>>", *([b"weights"] if has_data else [])]


def test_the_content_of_a_large_file_is_that_of_the_delivered_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_content, "MOST_IN_MEMORY_BYTES", 1000)
    delivery = run(Recipe(model="lenet5", schemes=(FLOAT32,), formats=("tflite",), out=tmp_path))
    (artifact,) = delivery.artifacts
    assert delivery.folder is not None
    assert artifact.content.path == delivery.folder / artifact.file_name
    assert artifact.content.sha256() == artifact.record()["sha256"]
    assert artifact.content.read() == (delivery.folder / artifact.file_name).read_bytes()


def test_a_file_that_was_not_made_has_no_content() -> None:
    assert not NOTHING
    assert NOTHING.read() == b""


def test_a_large_file_is_built_in_memory_of_the_right_size(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = small("gpt2", context=4000)
    content = FORMATS["tflite"].convert(decoder.model, decoder=decoder.decoder())
    grown: list[int] = []
    grow = flatbuffers.Builder.GrowByteBuffer
    monkeypatch.setattr(flatbuffers.Builder, "GrowByteBuffer", lambda self: grown.append(len(self.Bytes)) or grow(self))
    monkeypatch.setattr(flatbuffer, "ALIGNMENTS_BYTES", 8192)
    model = flatbuffer.read(content)
    usual = flatbuffer.write(model)
    assert grown, "the graph should not fit, or this test shows nothing"
    monkeypatch.setattr(flatbuffer, "LARGE_BYTES", 0)
    grown.clear()
    assert flatbuffer.write(model) == usual
    assert [size for size in grown if size > len(usual) // 2] == []


def test_operators_of_a_large_onnx_are_counted_without_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = small("gpt2", width=768, depth=1)
    path = tmp_path / "small.onnx"
    path.write_bytes(FORMATS["onnx"].convert(decoder.model, decoder=decoder.decoder()))
    usual = census.census(path)
    assert usual
    monkeypatch.setattr(census, "LARGE_BYTES", 0)
    seen = []
    optimized = census._optimized
    monkeypatch.setattr(census, "_optimized", lambda path: seen.append(optimized(path)) or seen[-1])
    assert census.census(path) == usual
    assert sum(tensor.data_location for tensor in seen[0].initializer) > 0


FAULTS = """
import resource, sys
import numpy as np
from export import process
if sys.argv[1] == "keep":
    process.keep_freed_memory()
arrays = [np.ones(400_000) for _ in range(24)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    for place in range(len(arrays)):
        arrays[place] = np.ones(400_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_arrays_of_an_inference_get_the_memory_of_earlier_ones() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("usual", "keep")
    }
    assert faults["keep"] < 0.2 * faults["usual"], faults

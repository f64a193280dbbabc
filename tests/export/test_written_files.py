"""Files for a runtime: different content never has the same path."""

from __future__ import annotations

from pathlib import Path

from export.quantization.build import MadeFile
from export.runtime.file_content import FileContent
from export.runtime.run_file import written
from export.scheme import INT8


def test_files_of_one_name_and_other_content_have_other_paths(tmp_path: Path) -> None:
    paths = [written(tmp_path, "float32.tflite", content) for content in (b"one", b"other", b"one")]
    assert [path.read_bytes() for path in paths] == [b"one", b"other", b"one"]
    assert paths[0] == paths[2]
    assert {path.name for path in paths} == {"float32.tflite"}


def test_two_files_of_one_scheme_lie_side_by_side(tmp_path: Path) -> None:
    files = [
        MadeFile(format="tflite", scheme=INT8, content=FileContent.held(content)) for content in (b"one", b"other")
    ]
    assert [file.on_disk(tmp_path).read_bytes() for file in files] == [b"one", b"other"]
    assert [file.on_disk(tmp_path).read_bytes() for file in files] == [b"one", b"other"]

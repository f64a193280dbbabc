"""`zoo bench` measures decoders as they are used: a prompt, then token after token, up to the context."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from export.cli.main import main
from export.formats import FORMATS
from export.runtime.jobs.time_decoding import prompts, time_decoding
from tests.language.small_decoders import Small, small
from tests.language.small_transformer import SIZES, built
from zoo import transformer

CONTEXT = 20


@pytest.fixture(scope="module")
def decoder() -> Small:
    return small("gpt2", depth=1)


@pytest.fixture(scope="module", params=FORMATS)
def file(request: pytest.FixtureRequest, decoder: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file_format = FORMATS[request.param]
    path: Path = tmp_path_factory.mktemp("files") / f"gpt2-float32{file_format.suffix}"
    path.write_bytes(file_format.convert(decoder.model, decoder=decoder.decoder()))
    return path


@pytest.mark.parametrize(
    ("context", "count", "expected"),
    [
        (1024, 10, [16, 64, 256, 1014]),
        (128, 10, [16, 64, 118]),
        (66, 2, [16, 64]),
        (20, 4, [4, 16]),
        (4, 2, [1, 2]),
        (2, 1, [1]),
    ],
)
def test_prompts_grow_up_to_the_context(context: int, count: int, expected: list[int]) -> None:
    assert prompts(context, count) == expected


def test_every_length_has_its_speed_and_memory(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(file), "--runs", "4", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["trouble"], record["context"], record["precision"]) == ("", CONTEXT, "float32")
    assert "p50_ms" not in record
    assert [one["prompt_tokens"] for one in record["lengths"]] == [4, 16, 19]
    assert record["lengths"][-1]["prompt_tokens"] + record["lengths"][-1]["new_tokens"] == CONTEXT
    memory = [record["empty_mb"], *(one["peak_mb"] for one in record["lengths"])]
    assert memory == sorted(memory)
    assert record["peak_mb"] == memory[-1]
    for one in record["lengths"]:
        assert one["first_ms"] > 0
        assert one["tokens_per_second"] > 0


def test_a_translator_reads_its_source_and_then_token_by_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, file_format = built(), FORMATS["onnx"]
    path = tmp_path / f"transformer-float32{file_format.suffix}"
    path.write_bytes(file_format.convert(model, decoder=transformer.decoder(model)))
    assert main(["bench", str(path), "--runs", "40", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["trouble"], record["context"]) == ("", SIZES["target_length"])
    (found,) = record["lengths"]
    # In every round, the first token of the target is part of the first step, and the others fill its context.
    assert found["prompt_tokens"] == SIZES["length"]
    assert found["new_tokens"] % (SIZES["target_length"] - 1) == 0
    assert min(found["first_ms"], found["tokens_per_second"]) > 0


def test_the_last_token_is_the_last_of_the_context(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[int]] = []

    class Text:
        context = CONTEXT

        def __init__(self) -> None:
            read.append([])

        def read(self, tokens: np.ndarray) -> np.ndarray:
            read[-1].append(len(tokens))
            return np.zeros(2)

    session = FORMATS[file.suffix[1:]].open(file)
    monkeypatch.setattr(type(session), "begin", lambda _: Text())
    time_decoding(str(file), 3, 1)
    # The first of them only warms up.
    assert read == [[4, 1, 1, 1], [4, 1, 1, 1], [16, 1, 1, 1], [17, 1, 1, 1]]


def test_a_table_of_its_own_is_readable_in_80_columns(
    file: Path, exported: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    other = exported / "lenet5-int8.onnx"
    assert main(["bench", str(file), str(other), "--runs", "1"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80
    tables = {tuple(line.split()[:3]): place for place, line in enumerate(lines) if line.strip().startswith("file ")}
    assert list(tables) == [("file", "size", "p50"), ("file", "size", "prompt")]
    (row,) = (place for place, line in enumerate(lines) if file.name in line)
    assert tables["file", "size", "prompt"] < row
    # Name, size and its unit, prompt, first ms, tokens/s, peak MB
    assert len(lines[row].split()) == 7


def test_files_keep_their_order_and_a_broken_one_is_no_decoder(
    file: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x18\x00\x00\x00TFL3" + b"\xff" * 300)
    paths = [str(file), str(exported / "lenet5-int8.onnx"), str(broken)]
    assert main(["bench", *paths, "--runs", "1", "--json"]) == 3
    records = json.loads(capsys.readouterr().out)
    assert [record["file"] for record in records] == paths
    assert ["lengths" in record for record in records] == [True, False, False]
    assert records[2]["trouble"]


def test_a_decoder_that_crashes_is_a_row_with_the_reason(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from export import process
    from export.runtime.jobs import time_decoding as job

    call = process.call

    def crash(one: object, **arguments: object) -> object:
        if one is job.time_decoding:
            raise process.RuntimeCrashError("the runtime crashed")
        return call(one, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "call", crash)
    assert main(["bench", str(file), "--runs", "1"]) == 3
    assert f"{file.name}: the runtime crashed" in capsys.readouterr().out

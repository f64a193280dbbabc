"""A decoder is exported, proven, verified and measured by the commands like every other network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import zoo
from export.bundle.golden import read as read_golden
from export.cli.main import main
from export.errors import ConversionError
from export.formats import FORMATS
from export.model.subject import load_subject
from export.pipeline import Delivery, run
from export.quantization.samples import _probe_count as probe_count
from export.quantization.samples import for_untrained
from export.recipe import Recipe
from export.scheme import FLOAT16, FLOAT32, INT8, W8A32
from tests.language.small_decoders import SIZES, small
from zoo import llama
from zoo.architecture import ARCHITECTURES
from zoo.errors import UsageProblemError

NAME = "small_llama"


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    sizes = SIZES["stories15m"]
    small = replace(
        zoo.find("stories15m"),
        name=NAME,
        build=partial(llama.build, **sizes),
        inputs=partial(llama.inputs, vocabulary=sizes["vocabulary"]),
        options={},
        weights=(),
        parameter_count=llama.build(**sizes).count_params(),
    )
    with ARCHITECTURES.registered(NAME, small):
        yield


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    tokens = np.random.default_rng(5).integers(0, 90, (24, 12)).astype(np.int32)
    np.savez(folder / "tokens.npz", tokens=tokens)
    return folder


@pytest.fixture(scope="module")
def delivery(out: Path) -> Delivery:
    schemes = (FLOAT32, FLOAT16, W8A32, INT8)
    return run(Recipe(model=NAME, calibration=str(out / "tokens.npz"), calibration_count=8, schemes=schemes, out=out))


def test_both_float_files_are_proven(delivery: Delivery) -> None:
    proven = {artifact.format: artifact for artifact in delivery.artifacts if artifact.scheme == FLOAT32}
    assert proven.keys() == FORMATS.keys()
    for artifact in proven.values():
        assert artifact.failures == ()
        assert {check.id for check in artifact.checks} >= {"parity", "order"}
        assert [spec.name for spec in artifact.inputs] == ["tokens"]
        assert [spec.name for spec in artifact.outputs] == ["logits"]


def test_quantized_files_are_refused_in_a_sentence(delivery: Delivery) -> None:
    others = [artifact for artifact in delivery.artifacts if artifact.scheme in (W8A32, INT8)]
    assert len(others) == 4
    assert {artifact.trouble for artifact in others} == {
        "a decoder with a cache is exported in float32, float16, int8_dynamic and int4 only"
    }


def test_both_float16_files_run_and_agree(delivery: Delivery) -> None:
    made = [artifact for artifact in delivery.artifacts if artifact.scheme == FLOAT16]
    assert [artifact.failures for artifact in made] == [(), ()]
    assert min(artifact.comparisons["logits"].sqnr_db for artifact in made) > 50


@pytest.mark.parametrize("name", ["gpt2_large", "gpt2_xl"])
def test_a_network_that_no_file_can_hold_is_refused_before_it_is_built(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", name, "--int8"]) == 2
    assert "of at most 2.15 GB: type --format onnx --precision float32" in capsys.readouterr().err
    with pytest.raises(UsageProblemError, match=r"but a \.tflite holds at most 2\.15 GB: type --format onnx$"):
        run(Recipe(model=name, weights="random"))


def test_the_folder_is_verified_and_its_files_are_measured(
    delivery: Delivery, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(out / NAME)
    assert main(["verify", folder, "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert len(files) == 2 * len(FORMATS)
    for file in files:
        assert {check["subject"] for check in file["checks"] if check["id"] == "reproduction"} == {"logits"}
    assert main(["bench", folder, "--runs", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["trouble"] for row in rows] == [""] * 2 * len(FORMATS)


def test_the_golden_data_are_whole_texts(delivery: Delivery, out: Path) -> None:
    golden = read_golden(out / NAME / "golden.npz")
    assert golden.inputs["tokens"].shape == (8, 12)
    assert golden.expected["logits"].shape == (8, 12, 90)


def test_large_logits_are_stored_for_few_samples() -> None:
    from export.bundle.golden import stored_count

    assert stored_count({"logits": np.zeros((30, 1000), np.float32)}, {}) == 8
    assert stored_count({"logits": np.zeros((3, 64, 32_000), np.float32)}, {}) == 1
    assert stored_count({"logits": np.zeros((2, 6_000_000), np.float32)}, {}) == 1


def test_long_texts_are_proven_on_fewer_samples() -> None:
    short, long = (load_subject(Recipe(model="stories15m", weights="random", options={"length": n})) for n in (16, 256))
    assert probe_count(short, Recipe(model="stories15m")) == 16
    assert probe_count(long, Recipe(model="stories15m")) == 8


@pytest.mark.parametrize("format_name", FORMATS)
def test_more_weights_than_a_file_can_hold_are_refused_in_a_sentence(
    format_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from export.formats.onnx import float_file
    from export.formats.tflite import convert

    monkeypatch.setattr(convert, "FLATBUFFER_LIMIT_BYTES", 1000)
    monkeypatch.setattr(float_file, "PROTOBUF_LIMIT_BYTES", 1000)
    decoder = small("gpt2")
    with pytest.raises(ConversionError, match="can hold at most 2 GB"):
        FORMATS[format_name].convert(decoder.model, decoder=decoder.decoder())


def test_random_weights_without_a_tokenizer_are_exported_with_random_tokens(tmp_path: Path) -> None:
    """No text means anything to them; trained weights need tokens that do."""
    made = run(Recipe(model=NAME, weights="random", out=tmp_path))
    assert made.manifest["recipe"]["random_calibration"] is True
    assert made.manifest["probe"]["real"] is False
    subject = load_subject(Recipe(model=NAME, weights="random"))
    trained = replace(subject, weights=replace(subject.weights, trained=True))
    assert for_untrained(Recipe(model=NAME), trained).random_calibration is False
    given = Recipe(model=NAME, calibration="tokens.npz")
    assert for_untrained(given, subject) is given

"""Texts are translated: samples of pairs, the exact match, and the commands export, evaluate, run and verify."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from calibration.inputs import InputSpec
from calibration.sources import texts
from calibration.sources.request import Request
from export.analysis.tasks.translation.task import TranslationFile
from export.cli.main import main
from export.cli.option_words import int8_of
from export.formats import FORMATS
from export.model.output_kinds import output_kinds
from export.pipeline import Delivery, run
from export.progress import Quiet
from export.recipe import Recipe
from export.runtime.jobs.translate_text import translate_text
from export.scheme import FLOAT32, INT8_DYNAMIC
from zoo import weights
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import SEPARATOR, TargetTokens
from zoo.language import spoken_dates
from zoo.language.tokenizer import FILE, Tokenizer

NAME = "transformer_dates"
ARCHITECTURE = zoo.find(NAME)
CONTRACTS = ARCHITECTURE.inputs()
SIZES = {"source": 20, "source_mask": 20, "target": 12}
HELD_OUT = list(spoken_dates.pairs("test", 30, seed=1))


@cache
def trained() -> keras.Model:
    model = ARCHITECTURE.build()
    weights.load(model, ARCHITECTURE)
    return model


@cache
def companions() -> dict[str, bytes]:
    assert ARCHITECTURE.companions is not None
    return dict(ARCHITECTURE.companions())


def request() -> Request:
    specs = {name: InputSpec(shape=(size,), dtype="int32") for name, size in SIZES.items()}
    return Request(inputs=specs, contracts=CONTRACTS, counts=(4, 4), seed=0, companions=companions())


def encoder() -> texts.TextInputs:
    return texts.TextInputs(Tokenizer(companions()[FILE]), request())


def test_a_line_is_a_text_and_its_translation() -> None:
    row, is_cut = encoder().inputs(f"may the third, two thousand{SEPARATOR}2000-05-03")
    tokenizer = Tokenizer(companions()[FILE])
    assert tokenizer.decode(row["target"].tolist()) == "2000-05-03"
    assert row["source_mask"].tolist() == [1] * 8 + [0] * 12
    assert not is_cut
    assert encoder().inputs(f"may{SEPARATOR}2000-05-03 and more")[1]
    with pytest.raises(UsageProblemError, match="write a text, a tab and its translation"):
        encoder().inputs("may the third, two thousand")


def test_the_tokens_of_a_translation_are_recorded() -> None:
    from zoo import inputs

    recorded = inputs.record(CONTRACTS)
    assert recorded["target"] == {"kind": "target tokens", "vocabulary": 94}
    assert inputs.from_record(recorded)["target"] == TargetTokens(vocabulary=94)
    assert {spec.value for spec in output_kinds(trained(), {}, "translation").values()} == {"next tokens"}


def test_int8_means_rows_rounded_at_run_time_also_without_a_tokenizer() -> None:
    assert int8_of("transformer") == int8_of(NAME) == int8_of("gpt2") == INT8_DYNAMIC


def test_the_exact_match_ignores_what_stands_behind_the_end(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(f"may the third{SEPARATOR}2000-05-03\nmay the fourth{SEPARATOR}2000\n")
    file = TranslationFile(path=path, request=request(), output="logits")
    truth = file.write(tmp_path / "work", exclude=(), seed=0)
    target = np.asarray(truth.samples.inputs["target"])
    right = np.eye(94)[np.roll(target, -1, axis=1)]
    assert truth.scores({"logits": right}) == {"exact_match": 1.0}
    behind, before = right.copy(), right.copy()
    behind[1, 5:] = np.eye(94)[50]
    assert truth.scores({"logits": behind}) == {"exact_match": 1.0}
    before[1, 4] = np.eye(94)[50]  # in place of the end
    assert truth.scores({"logits": before}) == {"exact_match": 0.5}
    with pytest.raises(CheckFailedError, match="NaN"):
        truth.scores({"logits": np.full_like(right, np.nan)})


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_file_translates_token_by_token(format_name: str, tmp_path: Path) -> None:
    path = tmp_path / f"dates.{format_name}"
    assert ARCHITECTURE.decoder is not None
    path.write_bytes(FORMATS[format_name].convert(trained(), decoder=ARCHITECTURE.decoder(trained())))
    spoken, written = zip(*(line.split(SEPARATOR) for line in HELD_OUT[:5]), strict=True)
    rows = [encoder().translated(one, "")[0] for one in spoken]
    texts = [{name: row[name].tolist() for name in ("source", "source_mask")} for row in rows]
    tokenizer = Tokenizer(companions()[FILE])

    def found(**sampling: float) -> list[str]:
        result = translate_text(str(path), texts, begin=1, end=2, sampling=sampling, progress=Quiet())
        return [tokenizer.decode(one["tokens"]) for one in result["translations"]]

    assert found() == list(written)
    assert found(most=4) == [one[:4] for one in written]
    assert found(temperature=5.0, seed=1) == found(temperature=5.0, seed=1) != found(temperature=5.0, seed=2)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    out = tmp_path_factory.mktemp("out")
    held_out = out / "held_out.txt"
    held_out.write_text("".join(f"{line}\n" for line in HELD_OUT))
    return run(Recipe(model=NAME, schemes=(FLOAT32, INT8_DYNAMIC), out=out, evaluate=str(held_out)))


@pytest.mark.large
def test_both_precisions_are_proven_and_as_exact_as_the_network(delivery: Delivery) -> None:
    assert len(delivery.artifacts) == 2 * len(FORMATS)
    assert [one.failures for one in delivery.artifacts] == [()] * 4
    assert {one.comparisons["logits"].kind for one in delivery.artifacts} == {"next tokens"}
    assert delivery.folder is not None
    manifest = json.loads((delivery.folder / "manifest.json").read_text())
    assert '"exact_match": 1.0' in json.dumps(manifest)


@pytest.mark.large
@pytest.mark.parametrize("kind", FORMATS)
def test_a_delivered_file_translates(kind: str, delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    folder, name = str(delivery.folder), f"{NAME}-int8_dynamic.{kind}"
    long = "monday, the twenty-first of may, " * 4
    assert main(["run", folder, "The third of March, nineteen ninety-nine", long, "--file", name, "--json"]) == 0
    captured = capsys.readouterr()
    answers = json.loads(captured.out)["answers"]
    assert answers[0]["translation"] == "1999-03-03"
    assert "longer than the network reads and was cut off" in captured.err
    assert main(["run", folder, "4th july, 1976", "--file", name]) == 0
    assert "4th july, 1976 -> 1976-07-04" in capsys.readouterr().out
    assert main(["run", folder, "4th july, 1976", "--file", name, "--max-tokens", "4"]) == 0
    assert "4th july, 1976 -> 1976\n" in capsys.readouterr().out
    assert main(["run", folder, "4th july, 1976", "--out", "x.npz", "--seed", "1"]) == 2
    assert "writes no text for arrays or with --out; leave out --seed" in capsys.readouterr().err
    assert main(["run", folder, " "]) == 2
    assert main(["verify", folder]) == 0


def test_a_file_with_caches_is_proven_where_it_was_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ARCHITECTURE.decoder is not None
    path = tmp_path / "dates.onnx"
    path.write_bytes(FORMATS["onnx"].convert(trained(), decoder=ARCHITECTURE.decoder(trained())))
    assert main(["prove", str(path), "--model", NAME]) == 2
    assert "dates.onnx writes text with a cache; prove such a file where it was exported" in capsys.readouterr().err


@pytest.mark.large
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_whole_texts_is_proven(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"dates.{kind}"
    path.write_bytes(FORMATS[kind].convert(trained()))
    assert main(["prove", str(path), "--model", NAME]) == 0
    assert "proven: dates" in capsys.readouterr().out

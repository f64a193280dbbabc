"""`zoo list` and `zoo show` print the registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import zoo
from export.cli.commands.show import describe
from export.cli.main import main
from export.units import count_in_words, size_in_words
from tests.zoo.families import photo_networks
from zoo import proofs
from zoo.architecture import find, names
from zoo.inputs import Photo, from_record
from zoo.preprocessing import Preprocessing


def test_list_prints_every_architecture(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    words = capsys.readouterr().out
    assert all(f"\n{name} " in words for name in names())


def test_list_json_contains_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    records = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
    assert sorted(records) == sorted(names())
    for name, record in records.items():
        architecture = find(name)
        assert record["parameters"] == architecture.parameter_count
        assert record["weights"] == [weights.tag for weights in architecture.weights]
        assert len(record["input"]) == (3 if name in photo_networks() else 0)
        assert (record["family"], record["proof"]) == (architecture.family, proofs.words(name))


@pytest.mark.parametrize("name", names())
def test_show_prints_paper_options_licence_and_digest(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", name]) == 0
    everything = capsys.readouterr().out
    words = everything.partition("\n\n ")[0]  # only the facts: the card below repeats some of them
    architecture = find(name)
    expected = [architecture.paper, f"{architecture.parameter_count:,}"]
    expected += [f"--set {key}=" for key in architecture.options]
    expected += [fact for name, one in architecture.made_up_inputs.items() for fact in (name, one.describe())]
    assert ("(the default)" in words) == (architecture.trained_as(None) is not None)
    assert " 0 classes" not in words
    for weights in architecture.weights:
        expected += [weights.tag, weights.licence, weights.trained_on]
        expected += [source.sha256 or source.md5 for source in weights.sources]
    assert [fact for fact in expected if fact not in words] == []
    precision = "" if architecture.decoder else " --int8"
    assert everything.endswith(f"next: zoo export {name}{precision}\n")


@pytest.mark.parametrize("name", photo_networks())
def test_preprocessing_can_be_rebuilt_from_show_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", name, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    architecture = find(name)
    expected = architecture.preprocess(**architecture.settings({}))
    assert from_record(record["inputs"])["image"] == Photo(preprocessing=expected)


@pytest.mark.parametrize("columns", ["40", "60", "80", "90", "110", "132", "182", "200"])
def test_list_fits_the_terminal(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["list"]) == 0
    words = capsys.readouterr().out
    assert max(len(line) for line in words.splitlines()) <= int(columns)
    assert "\u2026" not in words  # an ellipsis means that a text was cut
    assert all(f"\n{name} " in words for name in names())


def test_list_explains_proofs_of_tiny_variants(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["list"]) == 0
    assert "tiny: proven on the tiny trained variant of the family\n" in capsys.readouterr().out
    # The sentence holds because architectures with the same tiny proof load the same weights.
    sources: dict[str, set[str]] = {}
    for name in names():
        architecture = find(name)
        tiny = [weights for weights in architecture.weights if weights.tag == "tiny"]
        sources.setdefault(architecture.family, set()).update(w.sources[0].location for w in tiny)
    assert {family: found for family, found in sources.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("preprocessing", "words"),
    [
        (
            Preprocessing(height=224, width=224, scale=(1 / 127.5,), offset=(-1.0,)),
            "short side to 256 (bicubic), centre crop 224 x 224; RGB; byte / 127.5 - 1, which gives [-1, 1]",
        ),
        (
            Preprocessing(height=32, width=32, colours="GRAY", scale=(1 / 255,), crop_fraction=1.0, resize="bilinear"),
            "short side to 32 (bilinear), centre crop 32 x 32; GRAY; byte / 255, which gives [0, 1]",
        ),
        (
            Preprocessing(height=416, width=416, scale=(1 / 255,), fit="stretch", crop_fraction=1.0),
            "the whole photo to 416 x 416 (bicubic); RGB; byte / 255, which gives [0, 1]",
        ),
        (
            Preprocessing(height=224, width=224, colours="BGR", offset=(-100.0, -110.0, -120.0)),
            "short side to 256 (bicubic), centre crop 224 x 224; BGR; byte - (100, 110, 120), "
            "which gives [-100, 155], [-110, 145], [-120, 135]",
        ),
    ],
)
def test_preprocessing_is_described_in_readable_form(preprocessing: Preprocessing, words: str) -> None:
    assert describe(preprocessing) == words


@pytest.mark.parametrize(
    ("count", "words", "size"),
    [
        (999, "999", "999 B"),
        (61_706, "61.7 k", "61.7 kB"),
        (999_999, "1.00 M", "1.00 MB"),
        (138_357_544, "138 M", "138 MB"),
    ],
)
def test_quantities_are_printed_with_three_digits_and_unit(count: int, words: str, size: str) -> None:
    assert (count_in_words(count), size_in_words(count)) == (words, size)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "not measured"),
        ({"full": ("random", False, 7.8, True)}, "runs, untrained"),
        ({"full": ("random", False, None, False)}, "failed, untrained"),
        ({"full": ("random", False, 7.8, False), "tiny": ("tiny", True, 30.5, True)}, "tiny 30.5 dB"),
        ({"full": ("imagenet", True, 25.3, True), "tiny": ("tiny", True, 30.5, True)}, "imagenet 25.3 dB"),
        ({"tiny": ("tiny", True, 3.0, False)}, "tiny failed"),
    ],
)
def test_list_shows_the_proof_of_trained_weights(
    found: dict[str, tuple[str, bool, float | None, bool]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ("weights", "trained", "int8_sqnr_db", "proven")
    record = {"net": {part: dict(zip(keys, values, strict=True)) for part, values in found.items()}}
    monkeypatch.setattr(proofs, "read", lambda: record)
    assert proofs.words("net") == said


def test_family_is_the_module_of_the_architecture() -> None:
    assert {find(name).family for name in ("resnet50", "resnet252")} == {"resnet"}
    assert all((Path(zoo.__file__).parent / f"{find(name).family}.py").is_file() for name in names())

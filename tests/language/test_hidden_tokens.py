"""Hidden tokens are found: samples, the share that is found, and the commands export, run and verify."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.inputs import InputSpec
from calibration.sources.request import Request
from export.analysis.tasks.masked_language_modelling.task import HiddenTokens, PlainTexts
from export.bundle import fill
from export.cli.main import main
from export.formats import FORMATS
from export.metrics import OutputKind
from export.model.output_kinds import output_kinds
from export.pipeline import Delivery, run
from export.recipe import Recipe
from export.scheme import INT8_DYNAMIC
from zoo import bert
from zoo.architecture import ARCHITECTURES, Architecture
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import REACTIONS, text
from zoo.language import reactions, smiles_tokenizer
from zoo.language.tokenizer import FILE, Tokenizer

TOKENS = (*smiles_tokenizer.SPECIAL, *"CcOoNnFSsB1234()=#-.", ">>", "Cl", "Br", "[Na+]", "[OH-]", "[N+]", "[O-]")
SIZES = {"blocks": 1, "width": 32, "heads": 2, "length": 64, "vocabulary": len(TOKENS), "positions": 64}
CONTRACTS = text(len(TOKENS), FILE, REACTIONS)()
MASK = TOKENS.index(smiles_tokenizer.MASK)


def words() -> Tokenizer:
    return Tokenizer(smiles_tokenizer.as_json(TOKENS))


def plain_texts(path: Path) -> PlainTexts:
    request = Request(
        inputs={name: InputSpec(shape=(64,), dtype="int32") for name in CONTRACTS},
        contracts=CONTRACTS,
        counts=(4, 4),
        seed=0,
        companions={FILE: smiles_tokenizer.as_json(TOKENS)},
    )
    return PlainTexts(path=path, request=request, output="logits")


def written(folder: Path, *lines: str) -> Path:
    path = folder / "texts.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("line", list(reactions.reactions(20, seed=4)))
def test_a_reaction_is_cut_into_tokens_and_joined_again(line: str) -> None:
    ids = words().ids(line)
    assert TOKENS.index("[UNK]") not in ids
    assert [words().token(ids[place]) for place in (0, -1)] == ["[CLS]", "[SEP]"]
    assert words().decode(ids) == line


def test_hidden_tokens_become_one_token_each() -> None:
    assert words().ids("CC(=O)[MASK]C").count(MASK) == 1
    assert words().decode(words().ids("C C")) == "CC"


def test_the_built_in_reactions_hide_tokens_and_are_those_of_the_generator() -> None:
    from importlib import resources

    built_in = resources.files("zoo.language").joinpath(REACTIONS).read_text(encoding="utf-8").splitlines()
    rng = np.random.default_rng(0)
    assert built_in == [reactions.hidden(one, rng) for one in reactions.built_in()]
    assert set(reactions.built_in()).isdisjoint(reactions.held_out(seed=1))
    assert all(smiles_tokenizer.MASK in line for line in built_in)
    with pytest.raises(ValueError, match="fewer than"):
        list(reactions.reactions(4_000, seed=0))


def test_some_tokens_inside_of_every_text_are_hidden(tmp_path: Path) -> None:
    lines = list(reactions.reactions(30, seed=1))
    truth = plain_texts(written(tmp_path, *lines)).write(tmp_path, exclude=(), seed=3)
    ids, counts = truth.samples.inputs["ids"], truth.is_hidden.sum(axis=1)
    sizes = np.asarray(truth.samples.inputs["mask"]).sum(axis=1)
    assert np.array_equal(np.asarray(ids) == MASK, truth.is_hidden)
    assert counts.tolist() == [max(1, round(0.15 * (size - 2))) for size in sizes]
    places = np.arange(64)
    assert not truth.is_hidden[(places == 0) | (places >= sizes[:, None] - 1)].any()
    again = plain_texts(tmp_path / "texts.txt").write(tmp_path, exclude=(), seed=4)
    assert not np.array_equal(again.is_hidden, truth.is_hidden)


@pytest.mark.parametrize(("wrong", "share"), [(0, 1.0), (1, 0.75), (4, 0.0)])
def test_only_hidden_places_count(wrong: int, share: float) -> None:
    wanted = np.array([[5, 6, 7, 8, 9, 10]])
    is_hidden = np.array([[False, True, True, True, True, False]])
    logits = np.eye(11)[wanted]
    logits[0, 1 : 1 + wrong] = logits[0, [0, 5]] = np.eye(11)[0]  # The others are wrong in any case.
    samples: Any = None
    found = HiddenTokens(samples=samples, wanted=wanted, is_hidden=is_hidden, output="logits")
    assert found.scores({"logits": logits}) == {"found_tokens": share}
    with pytest.raises(CheckFailedError, match="NaN"):
        found.scores({"logits": logits * np.nan})


def test_a_text_that_hides_tokens_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match=r"holds \[MASK\] itself"):
        plain_texts(written(tmp_path, "CC[MASK]")).write(tmp_path, exclude=(), seed=0)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    architecture = Architecture(
        name="small_reactions",
        title="Small reactions",
        task="masked language modelling",
        paper="none",
        build=partial(bert.build, head="masked_lm", **SIZES),
        inputs=text(len(TOKENS), FILE, REACTIONS),
        parameter_count=1,
        companions=lambda: {FILE: smiles_tokenizer.as_json(TOKENS)},
    )
    with ARCHITECTURES.registered(architecture.name, architecture):
        yield run(Recipe(model=architecture.name, schemes=(INT8_DYNAMIC,), out=tmp_path_factory.mktemp("out")))


def scores_of(path: Path, line: str) -> list[Any]:
    """Return the scores of the hidden places of a text, by the file itself."""
    one = words().encode(line, 64)
    given = {"ids": one.ids[None], "mask": one.mask[None], "segment_ids": one.segments[None]}
    by_suffix = {one.suffix: one for one in FORMATS.values()}
    (logits,) = by_suffix[path.suffix].open(path).run(given).values()
    return [logits[0, place] for place in np.flatnonzero(one.ids == MASK)]


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_the_likeliest_tokens_of_every_place_are_printed(
    kind: str, delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "CC(=O)[MASK].OCC>>CC(=O)O[MASK]"
    name = f"small_reactions-int8_dynamic.{kind}"
    assert delivery.folder is not None
    assert main(["run", str(delivery.folder), given, "--file", name, "--top", "3", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert [len(place) for place in answer["places"]] == [3, 3]
    best = [place[0]["token"] for place in answer["places"]]
    expected = given.replace("[MASK]", best[0] if best[0] not in TOKENS[:5] else "", 1)
    assert answer["filled"] == expected.replace("[MASK]", best[1] if best[1] not in TOKENS[:5] else "", 1)
    for place, scores in zip(answer["places"], scores_of(delivery.folder / name, given), strict=True):
        assert [one["number"] for one in place] == np.argsort(-scores, kind="stable")[:3].tolist()
        chances = [one["chance"] for one in place]
        assert chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) <= 1


def test_the_table_shows_chances(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(delivery.folder), "CC[MASK]"]) == 0
    assert "%" in capsys.readouterr().out


def test_a_text_without_a_hidden_token_is_refused(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(delivery.folder), "CCO"]) == 2
    assert "'CCO' hides no token; type [MASK] in the place of each" in capsys.readouterr().err


def test_a_hidden_token_behind_the_end_is_reported(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    for line in (f"[MASK]{'C' * 80}[MASK]", f"[MASK]{'C' * 80}"):
        assert main(["run", str(delivery.folder), line]) == 0
        assert "is longer than the network reads" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "piece", "after"),
    [("walk [MASK] now", "##ing", "walking now"), ("a [MASK] b", "cat", "a cat b"), ("[MASK]s", "##x", "xs")],
)
def test_the_end_of_a_word_joins_the_word_before_it(before: str, piece: str, after: str) -> None:
    assert fill._in_place(before, "[MASK]", piece) == after


def test_the_outputs_are_compared_as_scores_of_tokens(delivery: Delivery) -> None:
    made = [one for one in delivery.artifacts if one.scheme == INT8_DYNAMIC]
    assert {one.comparisons["logits"].kind for one in made} == {OutputKind.NEXT_TOKENS}


@pytest.mark.parametrize(
    ("head", "task"), [("masked_lm", "masked language modelling"), ("sentence", "embedding"), ("hidden", "encoding")]
)
def test_the_head_of_a_bert_decides_its_task(head: str, task: str) -> None:
    settings = bert.BERT_TINY.settings({"head": head})
    assert bert.BERT_TINY.task_for(settings) == task


def test_vectors_of_a_sentence_head_are_compared_as_vectors() -> None:
    model = bert.build(head="sentence", **SIZES)
    assert output_kinds(model, {}, "embedding") == {"embedding": OutputKind.EMBEDDINGS}

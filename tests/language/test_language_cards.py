"""The Python on the cards of language networks prints what the cards show."""

from __future__ import annotations

import pytest

import zoo
from benchmarks.cards import CARDS, EXAMPLE, printed

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in CARDS.glob("*.md")}
READERS = [name for name in zoo.names() if zoo.find(name).reads_text]
WRITERS = [name for name in zoo.names() if zoo.find(name).decoder or zoo.find(name).task == "translation"]


@pytest.mark.parametrize("name", READERS)
def test_the_python_of_a_card_prints_what_the_card_shows(name: str) -> None:
    (example,) = EXAMPLE.finditer(TEXTS[name])
    assert printed(example["code"]) == example["output"]


def test_no_two_cards_have_the_same_program_or_output() -> None:
    examples = [next(EXAMPLE.finditer(TEXTS[name])) for name in READERS]
    assert len({example["code"] for example in examples}) == len(examples)
    assert len({example["output"] for example in examples}) == len(examples)


@pytest.mark.parametrize("name", WRITERS)
def test_a_card_states_the_size_and_the_weights(name: str) -> None:
    architecture = zoo.find(name)
    assert f"{architecture.parameter_count:,} parameters" in TEXTS[name]
    for weights in architecture.weights:
        assert f"`{weights.tag}`" in TEXTS[name]
        assert weights.licence in TEXTS[name]

"""Every card shows a diagram of its network, and running its Python gives the output shown on the card."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import zoo
from benchmarks.cards import CARDS, DIAGRAMS, EXAMPLE, printed
from tests.zoo.contents import quick
from tests.zoo.families import photo_networks

every_name = pytest.mark.parametrize("name", photo_networks())
MOST_BYTES_OF_ALL_DIAGRAMS = 3_000_000


def read(name: str) -> str:
    return (CARDS / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", quick(photo_networks()))
def test_the_python_of_a_card_prints_what_the_card_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = EXAMPLE.finditer(read(name))
    assert len(example["code"].splitlines()) <= 30
    assert printed(example["code"]) == example["output"]
    assert list(tmp_path.iterdir()) == []


def test_no_two_cards_have_the_same_code_or_output() -> None:
    examples = {name: next(EXAMPLE.finditer(read(name))) for name in photo_networks()}
    assert len({example["code"] for example in examples.values()}) == len(examples)
    assert len({example["output"] for example in examples.values()}) == len(examples)


@pytest.mark.parametrize("name", zoo.names())
def test_a_card_shows_the_diagram_of_its_network(name: str) -> None:
    (linked,) = re.findall(r"!\[Diagram of [^\]]+\]\((.*?)\)", read(name))
    assert linked == f"diagrams/{name}.svg"
    texts = {text.strip() for text in ElementTree.parse(CARDS / linked).getroot().itertext()}
    assert zoo.find(name).title in texts
    architecture = zoo.find(name)
    assert texts & architecture.inputs(**architecture.settings({})).keys() or architecture.reads_text


def test_there_is_a_diagram_for_each_architecture_and_all_are_small() -> None:
    assert {path.stem for path in DIAGRAMS.iterdir()} == set(zoo.names())
    assert sum(path.stat().st_size for path in DIAGRAMS.iterdir()) < MOST_BYTES_OF_ALL_DIAGRAMS


@every_name
def test_a_card_links_the_tutorial_of_its_task(name: str) -> None:
    page = (CARDS.parents[1] / "docs" / "zoo_tutorial.md").read_text(encoding="utf-8")
    (anchor,) = re.findall(r"\(\.\./\.\./docs/zoo_tutorial\.md#(.*?)\)", read(name))
    headings = {heading.lower().replace(" ", "-"): heading for heading in re.findall(r"^## (.*)$", page, re.MULTILINE)}
    section = page.partition(f"## {headings[anchor]}\n")[2].partition("\n## ")[0]
    (example,) = re.findall(r'^NAME = "(.*?)"$', section, re.MULTILINE)
    assert zoo.find(example).task == zoo.find(name).task

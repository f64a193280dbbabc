"""Trained weights that are shipped with the zoo: for every architecture, small, each with its training command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import zoo
from tests.zoo.contents import quick
from tests.zoo.families import photo_networks
from zoo import weights

FOLDER = Path(zoo.__file__).parent / "pretrained"
FILES = sorted(path.name for path in (FOLDER / "files").iterdir())
MOST_BYTES = 300_000


@pytest.mark.parametrize("name", photo_networks())
def test_every_architecture_has_trained_weights_without_a_download(name: str) -> None:
    shipped = [source for one in zoo.find(name).weights for source in one.sources if source.kind == "shipped"]
    assert [source.location for source in shipped if source.location in FILES]


@pytest.mark.parametrize("name", quick(name for name in zoo.names() if zoo.find(name).trained_as("tiny")))
def test_every_member_of_a_family_has_the_same_tiny_variant(name: str) -> None:
    """Without explicit width in `tiny`, Lite3 and Lite4 would build a wider network than the weights are for."""
    architecture = zoo.find(name)
    model = architecture.build(**architecture.tiny)
    assert weights.load(model, architecture, "tiny").trained


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_file_is_small_and_is_used(file: str) -> None:
    assert (FOLDER / "files" / file).stat().st_size <= MOST_BYTES
    used = {source.location for name in zoo.names() for one in zoo.find(name).weights for source in one.sources}
    assert file in used


def test_the_readme_lists_the_command_and_the_accuracy_of_each_file() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \| `python -m zoo\.\S+.*?` \| .*\d.* \|$", text, re.MULTILINE)
    assert sorted(rows) == FILES

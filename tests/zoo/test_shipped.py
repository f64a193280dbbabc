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
MOST_BYTES = {"language modelling": 1_300_000, "translation": 800_000, "encoding": 400_000}  # by task
MOST_BYTES_OF_A_PHOTO_NETWORK, MOST_BYTES_OF_ALL_TEXT_NETWORKS = 300_000, 3_000_000


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
    (task,) = tasks(file)
    assert (FOLDER / "files" / file).stat().st_size <= MOST_BYTES.get(task, MOST_BYTES_OF_A_PHOTO_NETWORK)


def tasks(file: str) -> set[str]:
    """Return the tasks of the networks whose weights the file contains."""
    networks = [zoo.find(name) for name in zoo.names()]
    return {one.task for one in networks for weights in one.weights if file in [s.location for s in weights.sources]}


def test_the_files_of_all_text_networks_are_small() -> None:
    sizes = [(FOLDER / "files" / file).stat().st_size for file in FILES if tasks(file) & MOST_BYTES.keys()]
    assert len(sizes) == len(MOST_BYTES)
    assert sum(sizes) <= MOST_BYTES_OF_ALL_TEXT_NETWORKS


def test_the_readme_lists_the_command_and_the_accuracy_of_each_file() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \| `python -m zoo\.\S+.*?` \| .*\d.* \|$", text, re.MULTILINE)
    assert sorted(rows) == FILES

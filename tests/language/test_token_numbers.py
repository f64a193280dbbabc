"""`zoo verify` compares the tokens of the golden inputs and of the tokenizer with the vocabulary in the manifest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from export.cli.main import main
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import INT8_DYNAMIC
from tests.commands.edits import Folder
from tests.language.small_texts import SIZES, registered
from zoo.language.tokenizer import FILE

VOCABULARY = SIZES["vocabulary"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with registered():
        delivery = run(Recipe(model="small_texts", schemes=(INT8_DYNAMIC,), out=tmp_path_factory.mktemp("out")))
        assert delivery.folder is not None
        yield delivery.folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Folder:
    return Folder(shutil.copytree(exported, tmp_path / exported.name))


def reasons(folder: Folder, capsys: pytest.CaptureFixture[str]) -> dict[bool, list[str]]:
    """Return the sentences of the checks of the vocabulary, by whether they passed."""
    folder.write()
    main(["verify", str(folder.path), "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    found = [check for check in checks if check["subject"] == "the vocabulary"]
    return {passed: [one["reason"] for one in found if one["passed"] is passed] for passed in (True, False)}


def token_behind_the_vocabulary(folder: Folder) -> None:
    folder.arrays["input/ids"][0, 1] = VOCABULARY


def negative_token(folder: Folder) -> None:
    folder.arrays["input/ids"][-1, -1] = -1


def smaller_vocabulary(folder: Folder) -> None:
    folder.manifest["inputs"]["ids"]["vocabulary"] = VOCABULARY - 1


def larger_tokenizer(folder: Folder) -> None:
    path = folder.path / FILE
    content = path.read_text()
    assert '"red":15' in content
    path.write_text(content.replace('"red":15', '"red":15,"blue":16'))


def no_tokenizer(folder: Folder) -> None:
    (folder.path / FILE).write_text("{}")


FAULTS: list[tuple[Callable[[Folder], None], str]] = [
    (token_behind_the_vocabulary, f"the golden input ids holds the token {VOCABULARY}"),
    (negative_token, "the golden input ids holds the token -1"),
    (smaller_vocabulary, f"{FILE} gives tokens up to {VOCABULARY - 1}, but the manifest's vocabulary has"),
    (larger_tokenizer, f"{FILE} gives tokens up to {VOCABULARY}, but the manifest's vocabulary has {VOCABULARY}"),
    (no_tokenizer, "is not a file of the tokenizers library"),
]


def test_a_healthy_folder_passes(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert reasons(folder, capsys) == {True: ["the tokens of the golden inputs and of the tokenizer fit it"], False: []}


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_tokens_that_do_not_fit_are_found(
    fault: Callable[[Folder], None], words: str, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    fault(folder)
    found = reasons(folder, capsys)
    assert found[True] == []
    assert any(words in reason for reason in found[False])

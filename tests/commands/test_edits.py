"""`zoo verify` sees edits by hand of a delivered folder: without a signature most of them, with one all."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from export.bundle import report_match
from export.bundle.authenticity import State, examine
from export.bundle.read import read
from export.bundle.signing import Signer
from export.bundle.verify import verify
from export.bundle.write import SIGNATURE
from export.progress import Quiet
from tests.commands.edits import EDITS, Folder

PAGE = Path(__file__).parents[2] / "docs" / "signing.md"


@pytest.fixture(scope="session")
def signed(exported: Path, signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the other tests, signed."""
    folder = Path(shutil.copytree(exported, tmp_path_factory.mktemp("signed") / "lenet5"))
    manifest = json.loads((folder / "manifest.json").read_text()) | {"signer": signer.public.record()}
    text = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(text)
    (folder / SIGNATURE).write_bytes(signer.sign(text))
    return folder


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_an_unsigned_folder_is_seen_where_the_files_show_it(name: str, copy: Path) -> None:
    folder = Folder(copy)
    EDITS[name].apply(folder)
    folder.write()
    assert verify(read(copy), Quiet()).passed is not EDITS[name].is_seen


@pytest.mark.parametrize(
    "name", sorted({name for name, edit in EDITS.items() if not edit.is_seen} - {"history invented"})
)
def test_an_edit_that_is_shown_nowhere_else_is_seen_in_the_old_report(name: str, copy: Path) -> None:
    folder = Folder(copy, has_old_report=True)
    EDITS[name].apply(folder)
    folder.write()
    found = next(one for one in report_match.check(read(copy)) if one.subject == "report.html")
    assert "one of them was changed" in found.reason
    assert not found.passed


@pytest.mark.large
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_the_folder_of_an_own_model_is_seen_unless_only_the_zoo_shows_it(name: str, copy: Path) -> None:
    folder, edit = Folder(copy), EDITS[name]
    folder.manifest["recipe"]["model"] = "lenet5.keras"
    edit.apply(folder)
    folder.write()
    assert verify(read(copy), Quiet()).passed is not (edit.is_seen and not edit.shown_by_zoo)


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_of_a_signed_folder_is_seen(name: str, signed: Path, signer: Signer, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(signed, tmp_path / "lenet5"))
    assert examine(read(copy), signer.public).state is State.VALID
    folder = Folder(copy)
    EDITS[name].apply(folder)
    folder.write()
    for is_signed in (True, False):
        if not is_signed:
            (copy / SIGNATURE).unlink()
            folder.manifest["signer"] = None
            folder.write()
        found = verify(read(copy), Quiet(), signer.public)
        assert found.authenticity.state is State.INVALID
        assert not found.passed
        assert not any(file.measured for file in found.files)  # nothing else was read


def test_the_page_counts_the_edits() -> None:
    count = sum(edit.is_seen for edit in EDITS.values())
    of_own_models = count - sum(edit.shown_by_zoo for edit in EDITS.values())
    assert len(EDITS) >= 39
    sentence = (
        r"Of (\d+) edits by hand.*?`zoo verify` sees (\d+) without a signature, (\d+) in the folder of a model of"
    )
    (stated,) = re.findall(sentence, " ".join(PAGE.read_text().split()))
    assert [int(number) for number in stated] == [len(EDITS), count, of_own_models]

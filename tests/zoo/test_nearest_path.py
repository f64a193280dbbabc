"""A missing path suggests the name beside it that was meant, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.nearest_path import nearest


@pytest.mark.parametrize(
    ("missing", "meant"),
    [
        ("photo", "photos"),
        ("Photos", "photos"),
        ("photo/train", "photos/train"),
        ("my_modle.keras", "my_model.keras"),
        ("nothing", ""),
        ("unlike.keras", ""),  # the suffix alone is no likeness
        ("hiddn", ""),  # names that begin with a dot are not suggested
    ],
)
def test_the_most_similar_name_is_suggested(missing: str, meant: str, tmp_path: Path) -> None:
    for name in ("photos/train", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "my_model.keras").touch()
    assert nearest(tmp_path / missing) == (f"; did you mean {str(tmp_path / meant)!r}?" if meant else "")


def test_a_path_below_a_file_suggests_nothing_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert nearest(tmp_path / "file" / "below") == ""

"""Every layer of keras.layers becomes the files that docs/layers.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import layers

TABLE = layers.PAGE.read_text(encoding="utf-8").split(layers.BEGIN)[1].split(layers.END)[0]
ROWS = {
    cells[0]: tuple(cells[1:])
    for line in TABLE.strip().splitlines()[2:]
    if (cells := [cell.strip() for cell in line.strip().strip("|").split("|")])
}


def test_the_table_has_a_row_for_every_layer() -> None:
    assert list(ROWS) == layers.names()
    assert len(ROWS) > 80


@pytest.mark.large
@pytest.mark.parametrize("name", layers.names())
def test_the_table_says_which_files_a_layer_becomes(name: str, tmp_path: Path) -> None:
    found = layers.exported(name, tmp_path)
    assert layers.cells(found) == ROWS[name][: len(layers.SCHEMES)], [row.reason for row in found]
    assert layers.reason(found) == ROWS[name][-1]


def test_most_layers_become_all_files() -> None:
    complete = [name for name, row in ROWS.items() if set(row[:-1]) == {"yes"}]
    assert len(complete) / len(ROWS) > 0.8

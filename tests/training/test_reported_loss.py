"""Training reports the loss as it runs, and for each finished epoch the loss and the validation score."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.training.test_bad_runs import recipe
from training.pipeline import train
from training.recipe import Compression, TrainingRecipe

Report = tuple[str, int, int, str]


def reports(wanted: TrainingRecipe) -> tuple[list[Report], list[dict[str, float]]]:
    """Return the counted steps of a training run, and the rows of its epochs."""
    found: list[Report] = []

    def listen(what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        if done is not None and total is not None:
            found.append((what, done, total, detail))

    trained = train(wanted, listen)
    return found, list(trained.rows)


@pytest.mark.parametrize(
    ("compression", "phase"),
    [(Compression(), "fine"), pytest.param(Compression(qat=True, epochs=1), "qat", marks=pytest.mark.large)],
    ids=["learn", "qat"],
)
def test_every_step_reports_a_loss_and_every_epoch_its_scores(
    compression: Compression, phase: str, lenet5_file: Path, kinds: Path, tmp_path: Path
) -> None:
    mine = Path(shutil.copy(lenet5_file, tmp_path / "mine.keras"))
    found, rows = reports(recipe(mine, kinds, epochs=1, batch=40, compression=compression))
    own = [one for one in found if one[0] == f"{phase}: epoch 1 of 1"]
    total = own[0][2]
    assert total == 4  # 160 photos
    assert [done for _, done, _, _ in own] == [1, 2, 3, 3, 4]  # the epoch is done when it has been evaluated
    assert all(detail.startswith("loss ") for *_, detail in own)
    assert [detail for _, done, _, detail in own if "validation" in detail] == [own[-1][3]]
    (row,) = (row for row in rows if row["phase"] == phase)
    assert own[-1][3].startswith(f"loss {row['loss']:.3f}, validation top-1 {100 * row['score']:.1f} %, ")
    assert own[-2][3] == f"loss {row['loss']:.3f}"  # the mean over the epoch

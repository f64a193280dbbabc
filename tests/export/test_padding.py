"""The samples of a proof hide something by every mask, so that a file that ignores a mask does not pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.model.subject import load_subject
from export.quantization.samples import draw
from export.recipe import Recipe
from export.scheme import FLOAT32
from zoo.language import spoken_dates


def probe_of(calibration: Path, work: Path) -> dict[str, np.ndarray]:
    recipe = Recipe(model="transformer_dates", schemes=(FLOAT32,), calibration=str(calibration))
    drawn = draw(load_subject(recipe), recipe, work)
    return {name: np.asarray(values) for name, values in drawn.probe.inputs.items()}


def test_texts_as_long_as_the_input_are_hidden_in_one_sample(tmp_path: Path) -> None:
    """Planted: nothing but texts without padding, on which a file that ignores its mask computes the same."""
    lines = [f"{'the ' * 30}{line}" for line in spoken_dates.pairs("test", 40, seed=1)]
    (tmp_path / "long.txt").write_text("\n".join(lines))
    mask = probe_of(tmp_path / "long.txt", tmp_path)["source_mask"]
    assert mask[:-1].all()
    assert mask[-1].tolist() == [1] * 10 + [0] * 10


def test_texts_with_padding_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("\n".join(spoken_dates.pairs("test", 40, seed=1)))
    found = probe_of(tmp_path / "short.txt", tmp_path)
    assert np.array_equal(found["source_mask"] == 1, found["source"] != 0)


@pytest.mark.parametrize("length", [16, 128])
def test_a_float32_decoder_says_up_to_which_position_it_was_compared(length: int, tmp_path: Path) -> None:
    from export.pipeline import run

    made = run(Recipe(model="gpt_small", schemes=(FLOAT32,), options={"length": length}, out=tmp_path))
    notes = {note for artifact in made.artifacts for note in artifact.notes}
    partial = {f"compared up to position {length} of 128; type --set length=128"}
    assert notes == (partial if length < 128 else set())

"""A decoder in 4 bits from the command: proven in both formats, verified, and it writes text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.bundle.read import read
from export.bundle.verify import verify
from export.cli.main import main
from export.pipeline import run
from export.progress import Quiet
from export.recipe import Recipe
from export.scheme import FLOAT32, INT4, INT8_DYNAMIC

# One block of 4 bits has 32 weights and a scale of 16 bits; embedding, head and a third of the weights have 8 bits.
MOST_SHARE_OF_FLOAT = 0.24


@pytest.mark.large
def test_gpt_small_is_proven_in_four_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    delivery = run(Recipe(model="gpt_small", schemes=(FLOAT32, INT8_DYNAMIC, INT4), out=tmp_path))
    assert delivery.passed
    assert delivery.folder is not None
    files = {(file["format"], file["precision"]): file for file in delivery.manifest["files"]}
    assert len(files) == 6
    for name in ("tflite", "onnx"):
        sizes = [files[name, str(scheme)]["bytes"] for scheme in (FLOAT32, INT8_DYNAMIC, INT4)]
        assert sizes[2] < MOST_SHARE_OF_FLOAT * sizes[0]
        assert sizes[2] < 0.8 * sizes[1]
    found = verify(read(delivery.folder), Quiet())
    assert [str(check) for file in found.files for check in file.checks if not check.passed] == []
    assert main(["run", str(delivery.folder), "ROMEO:", "--file", "gpt_small-int4.onnx", "--max-tokens", "5"]) == 0
    assert "5 tokens" in capsys.readouterr().out


def test_networks_that_read_no_text_are_refused_in_four_bits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "mobilenet", "--precision", "int4"]) == 2
    assert "--int8" in capsys.readouterr().err


def test_models_without_a_block_of_weights_have_no_file_in_four_bits(tmp_path: Path) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    tokens = keras.Input((7,), dtype="int32", name="tokens")
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(tokens))
    keras.Model(tokens, layers.Dense(3)(mean)).save(tmp_path / "own.keras")
    np.savez(tmp_path / "rows.npz", tokens=np.random.default_rng(0).integers(0, 9, (20, 7)).astype(np.int32))
    recipe = Recipe(
        model=str(tmp_path / "own.keras"), schemes=(INT4,), calibration=str(tmp_path / "rows.npz"), out=tmp_path
    )
    delivery = run(recipe)
    assert delivery.folder is None
    assert "multiple of 32 inputs" in str(delivery.manifest["not_delivered"])

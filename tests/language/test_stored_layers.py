"""A .keras file of every kind of network that reads text is loaded again, with the layers of this project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from export.model.loading import model_file
from tests.language.small_decoders import SIZES as DECODERS
from tests.language.small_texts import SIZES as ENCODER
from zoo import bert, gpt2, llama, transformer

SMALL = {"width": 16, "depth": 1, "heads": 2, "hidden": 16, "vocabulary": 30, "length": 6, "target_length": 5}
NETWORKS: dict[str, Callable[[], keras.Model]] = {
    "bert": lambda: bert.build(head="masked_lm", **ENCODER),
    "gpt2": lambda: gpt2.build(**DECODERS["gpt2"]),
    "llama": lambda: llama.build(**DECODERS["stories15m"]),
    "transformer": lambda: transformer.network(**SMALL),
    "annalog": lambda: transformer.network(**SMALL, is_as_published=False),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_network_is_loaded_again(name: str, tmp_path: Path) -> None:
    model = NETWORKS[name]()
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = model_file.load(path, None).model
    tokens = [np.ones((1, *tensor.shape[1:]), np.int32) for tensor in model.inputs]
    given = tokens if len(tokens) > 1 else tokens[0]
    expected, found = (np.asarray(keras.tree.flatten(one(given))[0]) for one in (model, loaded))
    assert np.array_equal(expected, found)

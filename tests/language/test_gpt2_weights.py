"""Files of GPT-2 on the Hugging Face Hub fit: one matrix for queries, keys and values, and stored masks beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import zoo
from tests.language import plain_decoders
from tests.language.small_decoders import SIZES
from zoo import weights
from zoo.errors import UsageProblemError

WIDTH, BLOCKS = SIZES["gpt2"]["width"], SIZES["gpt2"]["depth"]
KINDS = {"ln_1": "attention_norm", "ln_2": "feed_forward_norm", "attn.c_proj": "output"}
KINDS |= {"mlp.c_fc": "expand", "mlp.c_proj": "project"}


@pytest.fixture
def stored() -> dict[str, Any]:
    """Return random arrays with the names and shapes of openai-community/gpt2."""
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (90, WIDTH), "wpe.weight": (20, WIDTH)}
    for index in range(BLOCKS):
        part = f"h.{index}."
        dense = {"attn.c_attn": (WIDTH, 3 * WIDTH), "attn.c_proj": (WIDTH, WIDTH)}
        dense |= {"mlp.c_fc": (WIDTH, 4 * WIDTH), "mlp.c_proj": (4 * WIDTH, WIDTH)}
        for name, shape in dense.items():
            shapes |= {f"{part}{name}.weight": shape, f"{part}{name}.bias": shape[1:]}
        shapes |= {f"{part}ln_{one}.{kind}": (WIDTH,) for one in (1, 2) for kind in ("weight", "bias")}
        shapes[f"{part}attn.bias"] = (1, 1, 20, 20)
    shapes |= {"ln_f.weight": (WIDTH,), "ln_f.bias": (WIDTH,)}
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape, scale=0.4).astype(np.float32) for name, shape in shapes.items()}


def plain(stored: dict[str, Any], tokens: Any) -> Any:
    """Return the logits that the stored arrays give in NumPy."""
    ours = {"embedding/embeddings": stored["wte.weight"], "position_embedding/embeddings": stored["wpe.weight"]}
    ours |= {"norm/gamma": stored["ln_f.weight"], "norm/beta": stored["ln_f.bias"]}
    for index in range(BLOCKS):
        for theirs, name in KINDS.items():
            kinds = ("gamma", "beta") if "ln" in theirs else ("kernel", "bias")
            for kind, value in zip(kinds, ("weight", "bias"), strict=True):
                ours[f"block_{index}_{name}/{kind}"] = stored[f"h.{index}.{theirs}.{value}"]
        for place, name in enumerate(("query", "key", "value")):
            columns = slice(place * WIDTH, (place + 1) * WIDTH)
            ours[f"block_{index}_{name}/kernel"] = stored[f"h.{index}.attn.c_attn.weight"][:, columns]
            ours[f"block_{index}_{name}/bias"] = stored[f"h.{index}.attn.c_attn.bias"][columns]
    return plain_decoders.gpt2(ours, tokens, heads=SIZES["gpt2"]["heads"], depth=BLOCKS)


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_a_file_of_the_hub_gives_its_logits(stored: dict[str, Any], prefix: str, tmp_path: Path) -> None:
    save_file({prefix + name: array for name, array in stored.items()}, tmp_path / "model.safetensors")
    architecture = zoo.find("gpt2")
    model = architecture.build(**SIZES["gpt2"])
    loaded = weights.load(model, architecture, str(tmp_path / "model.safetensors"))
    assert loaded.trained
    assert loaded.name == "model.safetensors"
    tokens = np.random.default_rng(1).integers(0, 90, 12).astype(np.int32)
    assert np.abs(np.asarray(model(tokens[None]))[0] - plain(stored, tokens)).max() < 1e-4


def test_a_file_that_does_not_fit_is_refused(stored: dict[str, Any], tmp_path: Path) -> None:
    architecture = zoo.find("gpt2")
    path = tmp_path / "model.safetensors"
    save_file(stored, path)
    for changes, message in (
        ({"depth": 1}, "more than 1 blocks"),
        ({"depth": 3}, "no h.2.ln_1.weight"),
        ({"width": 12}, "shape"),
    ):
        model = architecture.build(**{**SIZES["gpt2"], **changes})
        with pytest.raises(UsageProblemError, match=message):
            weights.load(model, architecture, str(path))
    with pytest.raises(UsageProblemError, match="unknown weights of lenet5"):
        weights.load(zoo.find("lenet5").build(), zoo.find("lenet5"), str(path))

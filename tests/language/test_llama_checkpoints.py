"""Checkpoints of llama2.c are read with their layout and their rotary pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.language import plain_decoders
from tests.language.plain_decoders import Array
from zoo.pretrained.llama import from_checkpoint
from zoo.weights.assignment import assign
from zoo.weights.readers import llama2_c

WIDTH, HIDDEN, BLOCKS, HEADS, KEY_HEADS, VOCABULARY, CONTEXT = HEADER = (24, 20, 2, 4, 2, 30, 12)


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    shapes = llama2_c._shapes(*HEADER)
    return {name: rng.normal(size=shape, scale=0.4).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def path(stored: dict[str, Any], tmp_path: Path) -> Path:
    content = np.array(HEADER, "<i4").tobytes() + b"".join(array.tobytes() for array in stored.values())
    (tmp_path / "model.bin").write_bytes(content + b"the tokenizer")
    return tmp_path / "model.bin"


def rotated_in_neighbours(x: Array) -> Array:
    """Return x (heads, N, size) with the channels 2i and 2i + 1 as complex numbers, as run.c turns them."""
    angles = np.arange(x.shape[1])[:, None] * 10_000.0 ** (-np.arange(0, x.shape[2], 2) / x.shape[2])
    turned = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def test_a_checkpoint_gives_the_logits_of_its_own_rotary_pairs(
    stored: dict[str, Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = zoo.find("stories15m").build(
        width=WIDTH, hidden=HIDDEN, depth=BLOCKS, heads=HEADS, key_heads=KEY_HEADS,
        vocabulary=VOCABULARY, context=CONTEXT, length=10,
    )  # fmt: skip
    assign(model, from_checkpoint(llama2_c.read([path]), model))
    names = {"query": "wq", "key": "wk", "value": "wv", "output": "wo", "gate": "w1", "down": "w2", "up": "w3"}
    plain = {"embedding/embeddings": stored["token_embedding_table"], "norm/scale": stored["rms_final_weight"]}
    for index in range(BLOCKS):
        plain |= {f"block_{index}_{ours}/kernel": stored[theirs][index].T for ours, theirs in names.items()}
        plain[f"block_{index}_attention_norm/scale"] = stored["rms_att_weight"][index]
        plain[f"block_{index}_feed_forward_norm/scale"] = stored["rms_ffn_weight"][index]
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, 10).astype(np.int32)
    found = np.asarray(model(tokens[None]))[0]
    sizes = {"heads": HEADS, "key_heads": KEY_HEADS, "depth": BLOCKS}
    assert np.abs(found - plain_decoders.llama(plain, tokens, **sizes)).max() > 0.1
    monkeypatch.setattr(plain_decoders, "rotated", rotated_in_neighbours)
    assert np.abs(found - plain_decoders.llama(plain, tokens, **sizes)).max() < 1e-4


def test_a_truncated_checkpoint_and_other_files_are_refused(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    with pytest.raises(ValueError, match="cut off within rms_final_weight"):
        llama2_c.read([path])
    path.write_bytes(content[:20])
    with pytest.raises(ValueError, match="less than a header"):
        llama2_c.read([path])
    path.write_bytes(np.array((*HEADER[:5], -VOCABULARY, CONTEXT), "<i4").tobytes() + content[28:])
    with pytest.raises(ValueError, match="shared classifier"):
        llama2_c.read([path])

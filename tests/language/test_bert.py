"""BERT equals a plain NumPy version of the paper, and takes weights under their original names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.language.small_texts import SIZES
from zoo import bert
from zoo.pretrained.bert import from_original
from zoo.weights.random_weights import fill

Array = NDArray[np.float64]
IDS = np.array([[2, 4, 5, 7, 9, 3, 0, 0, 0, 0, 0, 0]], np.int32)
MASK = (IDS > 0).astype(np.int32)
SEGMENTS = np.array([[0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]], np.int32)


def built(head: str) -> Any:
    model = bert.build(head=head, **SIZES)
    fill(model, None, seed=1)
    return model


def outputs(model: Any, ids: NDArray[np.int32] = IDS, mask: NDArray[np.int32] = MASK) -> list[Array]:
    found = model([ids, mask, SEGMENTS])
    return [np.asarray(one, np.float64) for one in (found if isinstance(found, list) else [found])]


def norm(x: Array, weights: dict[str, Array], name: str) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return np.asarray(scaled * weights[f"{name}/gamma"] + weights[f"{name}/beta"])


def plain_hidden_states(
    model: Any,
    sizes: Mapping[str, int] = SIZES,
    ids: NDArray[np.int32] = IDS[0],
    mask: NDArray[np.int32] = MASK[0],
    segments: NDArray[np.int32] = SEGMENTS[0],
) -> Array:
    """Return hidden states (length, width) in plain NumPy, float64, written from the paper."""
    from math import erf

    weights = {one.path: np.asarray(one.numpy(), np.float64) for one in model.weights}
    heads, size = sizes["heads"], sizes["width"] // sizes["heads"]

    def dense(x: Array, name: str) -> Array:
        return np.asarray(x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"])

    x = weights["word_embedding/embeddings"][ids] + weights["position_embedding/embeddings"][: len(ids)]
    x = norm(x + weights["segment_embedding/embeddings"][segments], weights, "embedding_norm")
    for block in range(sizes["blocks"]):
        name = f"block{block}"
        query, key, value = (dense(x, f"{name}_attention_{part}") for part in ("query", "key", "value"))
        mixed = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            scores = query[:, own] @ key[:, own].T / np.sqrt(size) + np.where(mask, 0, -np.inf)
            chances = np.exp(scores - scores.max(-1, keepdims=True))
            mixed.append(chances / chances.sum(-1, keepdims=True) @ value[:, own])
        x = norm(x + dense(np.concatenate(mixed, -1), f"{name}_attention_output"), weights, f"{name}_attention_norm")
        inner = dense(x, f"{name}_inner")
        inner = inner * (1 + np.vectorize(erf)(inner / np.sqrt(2))) / 2
        x = norm(x + dense(inner, f"{name}_outer"), weights, f"{name}_norm")
    return np.asarray(x)


def test_hidden_states_are_those_of_the_paper() -> None:
    model = built("hidden")
    hidden, pooled = outputs(model)
    expected = plain_hidden_states(model)
    assert np.abs(hidden[0] - expected).max() < 1e-5
    dense = {one.path: one.numpy() for one in model.get_layer("pooled").weights}
    kernel, bias = dense["pooled/kernel"], dense["pooled/bias"]
    assert np.abs(pooled[0] - np.tanh(expected[0] @ kernel + bias)).max() < 1e-5


def test_a_sentence_is_the_mean_of_its_tokens_with_length_one() -> None:
    model = built("sentence")
    mean = plain_hidden_states(model)[MASK[0] == 1].mean(0)
    (found,) = outputs(model)
    assert np.abs(found[0] - mean / np.linalg.norm(mean)).max() < 1e-5


def test_masked_words_are_scored_by_the_embedding() -> None:
    model = built("masked_lm")
    (logits,) = outputs(model)
    assert logits.shape == (1, SIZES["length"], SIZES["vocabulary"])
    table = model.get_layer("word_embedding").embeddings.numpy()
    assert sum(one.shape == table.shape for one in model.weights) == 1
    before = logits.copy()
    model.get_layer("word_embedding").embeddings.assign(np.concatenate([table[:-1], 2 * table[-1:]]))
    changed = outputs(model)[0] - before
    # The last word does not occur in the text, so that its scores alone change.
    assert np.abs(changed[..., -1]).max() > 1e-3
    assert np.abs(changed[..., :-1]).max() == 0


@pytest.mark.parametrize("head", bert.HEADS)
def test_padding_changes_nothing(head: str) -> None:
    model = built(head)
    other = np.where(MASK == 1, IDS, 6).astype(np.int32)
    real = slice(0, int(MASK.sum()))
    for one, found in zip(outputs(model), outputs(model, other), strict=True):
        whole = one.ndim < 3
        assert np.abs((one - found) if whole else (one - found)[:, real]).max() < 1e-6


def test_a_mask_that_hides_nothing_is_noticed() -> None:
    """Planted: padding that is attended to."""
    model = built("sentence")
    assert np.abs(outputs(model)[0] - outputs(model, mask=np.ones_like(MASK))[0]).max() > 1e-2


OTHERS = {
    "pooled": "bert.pooler.dense",
    "transform": "cls.predictions.transform.dense",
    "transform_norm": "cls.predictions.transform.LayerNorm",
    "logits": "cls.predictions",
}


def original(model: Any) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a model under the names and in the layout of the original."""
    parts = {"query": "self.query", "key": "self.key", "value": "self.value", "output": "output.dense"}
    found = {}
    for weight in model.weights:
        layer, _, part = weight.path.partition("/")
        values = weight.numpy()
        values = values.T if part == "kernel" else values
        end = {"kernel": "weight", "gamma": "weight", "beta": "bias", "embeddings": "weight"}.get(part, part)
        block, _, name = layer.partition("_")
        if block.startswith("block"):
            middle = {"inner": "intermediate.dense", "outer": "output.dense", "norm": "output.LayerNorm"}.get(name)
            if name == "attention_norm":
                middle = "attention.output.LayerNorm"
            middle = middle or f"attention.{parts[name.removeprefix('attention_')]}"
            found[f"bert.encoder.layer.{block.removeprefix('block')}.{middle}.{end}"] = values
        else:
            names = {"word_embedding": "word_embeddings", "position_embedding": "position_embeddings"}
            names |= {"segment_embedding": "token_type_embeddings", "embedding_norm": "LayerNorm"}
            place = f"bert.embeddings.{names[layer]}" if layer in names else OTHERS[layer]
            found[f"{place}.{end}"] = values
    return found


@pytest.mark.parametrize("head", ["hidden", "masked_lm"])
def test_original_weights_arrive_where_they_belong(head: str) -> None:
    from zoo.weights import assign

    model, other = built(head), bert.build(head=head, **SIZES)
    stored = {**original(model), "bert.embeddings.position_ids": np.arange(4.0), "cls.unknown": np.zeros(3)}
    assign(other, from_original(stored, other))
    for one, found in zip(outputs(model), outputs(other), strict=True):
        assert np.array_equal(one, found)


@pytest.mark.parametrize("name", ["bert_tiny", "bert_mini", "minilm", "rxnfp"])
def test_the_networks_have_the_size_of_the_paper(name: str) -> None:
    import zoo

    architecture = zoo.find(name)
    assert architecture.build(length=16).count_params() == architecture.parameter_count


@pytest.mark.imagenet
def test_minilm_computes_in_float32_what_numpy_computes_in_float64() -> None:
    import zoo
    from zoo import weights
    from zoo.language.tokenizer import FILE, Tokenizer

    architecture = zoo.find("minilm")
    model = architecture.build(length=32)
    weights.load(model, architecture)
    assert architecture.companions is not None
    tokenizer = Tokenizer(architecture.companions()[FILE])
    vectors = []
    for text in ("A cat sits on the mat.", "A kitten rests on a rug.", "Stock markets fell sharply."):
        one = tokenizer.encode(text, 32)
        sizes = {"blocks": 6, "heads": 12, "width": 384}
        hidden = plain_hidden_states(model, sizes, one.ids, one.mask, one.segments)[one.mask == 1].mean(0)
        vectors.append(hidden / np.linalg.norm(hidden))
        found = model([one.ids[None], one.mask[None], one.segments[None]])
        assert np.abs(np.asarray(found)[0] - vectors[-1]).max() < 1e-5
    cosines = np.array(vectors) @ np.array(vectors).T
    assert cosines[0, 1] > 0.6 > 0.1 > cosines[0, 2]


@pytest.mark.imagenet
def test_rxnfp_scores_tokens_as_numpy_does_and_finds_hidden_ones() -> None:
    """Of four hidden tokens in each reaction 142 of 160; the authors' network finds 98 of 103 in others."""
    from math import erf

    import zoo
    from zoo import weights
    from zoo.language import reactions
    from zoo.language.tokenizer import FILE, Tokenizer

    architecture, rng = zoo.find("rxnfp"), np.random.default_rng(0)
    model = architecture.build(length=64)
    weights.load(model, architecture)
    assert architecture.companions is not None
    tokenizer = Tokenizer(architecture.companions()[FILE])
    mask, known = tokenizer.mask_token(), {one.path: np.asarray(one.numpy(), np.float64) for one in model.weights}
    found = hidden = 0
    for number, text in enumerate(reactions.reactions(40, seed=1)):
        one = tokenizer.encode(text, 64)
        places = 1 + rng.permutation(int(one.mask.sum()) - 2)[:4]
        ids = one.ids.copy()
        ids[places] = mask
        logits = np.asarray(model([ids[None], one.mask[None], one.segments[None]]))[0]
        found += int((logits[places].argmax(-1) == one.ids[places]).sum())
        hidden += len(places)
        if number == 0:
            sizes = {"blocks": 12, "heads": 4, "width": 256}
            x = plain_hidden_states(model, sizes, ids, one.mask, one.segments)
            x = x @ known["transform/kernel"] + known["transform/bias"]
            x = norm(x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2, known, "transform_norm")
            expected = x @ known["word_embedding/embeddings"].T + known["logits/bias"]
            assert np.abs(logits - expected).max() < 1e-4
    assert found / hidden > 0.85

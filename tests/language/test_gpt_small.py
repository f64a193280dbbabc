"""`gpt_small` and its tokenizer: what they learned from the plays, and how they are trained."""

from __future__ import annotations

from functools import cache
from importlib import resources

import keras
import numpy as np
import pytest

import zoo
from tests.language import plain_decoders
from zoo import gpt2, weights
from zoo.errors import UsageProblemError
from zoo.inputs import SPEECHES, Tokens
from zoo.language import plays
from zoo.language.byte_pairs import VOCABULARY, byte_pairs
from zoo.language.tokenizer import FILE, Tokenizer
from zoo.pretraining.course import Network, Settings
from zoo.pretraining.language_modelling import COURSE, fit, perplexity

MOST_PERPLEXITY = 60.0
ARCHITECTURE = zoo.find("gpt_small")


@cache
def trained() -> keras.Model:
    model = ARCHITECTURE.build(length=64)
    assert weights.load(model, ARCHITECTURE).trained
    return model


def tokenizer() -> Tokenizer:
    assert ARCHITECTURE.companions is not None
    return Tokenizer(ARCHITECTURE.companions()[FILE])


def speeches() -> np.ndarray:
    """Return the built-in speeches, which were not learned, as one text."""
    lines = resources.files("zoo.language").joinpath(SPEECHES).read_text(encoding="utf-8").splitlines()
    return np.asarray([token for line in lines for token in tokenizer().ids(line)], np.int32)


def test_the_network_has_the_registered_size_and_vocabulary() -> None:
    assert trained().count_params() == ARCHITECTURE.parameter_count
    tokens = ARCHITECTURE.inputs()["tokens"]
    assert isinstance(tokens, Tokens)
    assert tokens.vocabulary == tokenizer().size == VOCABULARY == trained().outputs[0].shape[-1]


def test_the_tokenizer_gives_back_every_text_behind_a_new_line() -> None:
    for text in ("ROMEO: But, soft! what light", "naïve 東京\n\tmore", " "):
        assert tokenizer().decode(tokenizer().ids(text)) == f"\n{text}"
    common = tokenizer().ids("JULIET: the king and the lord")
    assert len(common) < 16


def test_frequent_pairs_become_tokens() -> None:
    small = Tokenizer(byte_pairs(["abab abab", "ab"] * 5, vocabulary=258))
    assert small.size == 258
    assert [small.token(number) for number in small.ids("abab")[1:]] == ["abab"]
    assert len(small.ids("ba")) == 3


def test_the_shipped_weights_have_learned_the_language_of_plays_that_they_have_not_seen() -> None:
    text = speeches()[:4096]
    assert perplexity(trained(), text) < MOST_PERPLEXITY
    shuffled = np.random.default_rng(0).permutation(text)
    assert perplexity(trained(), shuffled) > 10 * MOST_PERPLEXITY


def test_the_logits_are_those_of_numpy() -> None:
    text = speeches()[:64]
    stored = {weight.path: weight.numpy() for weight in trained().weights}
    expected = plain_decoders.gpt2(stored, text, heads=gpt2.SMALL["heads"], depth=gpt2.SMALL["depth"])
    assert np.abs(np.asarray(trained()(text[None]))[0] - expected).max() < 1e-4


@pytest.mark.large  # compiles two training steps
def test_training_is_effective_and_repeatable() -> None:
    text = np.tile(np.arange(7, dtype=np.int32), 300)
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model = gpt2.build(width=16, depth=1, heads=2, vocabulary=8, context=8, length=8)
        before = perplexity(model, text)
        fit(model, text, epochs=4, batch=8, learning_rate=1e-2, seed=1)
        assert before > 6
        assert perplexity(model, text) < 2
        found.append([weight.numpy() for weight in model.weights])
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))


def test_perplexity_is_that_of_equal_chances_where_the_network_knows_nothing() -> None:
    model = gpt2.build(width=16, depth=1, heads=2, vocabulary=8, context=8, length=8)
    model.get_layer("embedding").embeddings.assign(np.zeros((8, 16)))
    assert perplexity(model, np.arange(40, dtype=np.int32) % 8) == pytest.approx(8)


def test_a_network_without_a_tokenizer_is_not_trained() -> None:
    network = Network(model=gpt2.build(**gpt2.TINY), inputs=gpt2.inputs(vocabulary=96))
    with pytest.raises(UsageProblemError, match="has no tokenizer here"):
        COURSE.fit(network, Settings(epochs=1, count=0, seed=0, data=None))


@pytest.mark.imagenet
def test_the_shipped_tokenizer_is_made_from_the_training_plays() -> None:
    path = plays.archive()
    texts = (text for play in plays.TRAINING for text in plays.speeches(play, path))
    assert ARCHITECTURE.companions is not None
    assert byte_pairs(texts) == ARCHITECTURE.companions()[FILE]

"""The texts and the weights of `transformer_dates`: what is generated, what is held out, what was learned."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources

import keras
import numpy as np
import pytest

import zoo
from zoo import transformer, transformer_dates, weights
from zoo.errors import UsageProblemError
from zoo.inputs import DATES, SEPARATOR, Tokens
from zoo.language import spoken_dates
from zoo.language.tokenizer import FILE, Tokenizer
from zoo.pretraining.course import Network, Settings
from zoo.pretraining.translation import COURSE, Pairs, encode, exact_match, fit

ARCHITECTURE = zoo.find("transformer_dates")
HELD_OUT = list(spoken_dates.pairs("test", 200, seed=1))


@cache
def trained() -> keras.Model:
    model = ARCHITECTURE.build()
    assert weights.load(model, ARCHITECTURE).trained
    return model


def tokenizer() -> Tokenizer:
    assert ARCHITECTURE.companions is not None
    return Tokenizer(ARCHITECTURE.companions()[FILE])


def pairs(lines: list[str], model: keras.Model | None = None) -> Pairs:
    return encode(lines, tokenizer(), model or trained())


def test_the_network_has_the_registered_size_and_vocabulary() -> None:
    assert trained().count_params() == ARCHITECTURE.parameter_count
    tokens = ARCHITECTURE.inputs()["source"]
    assert isinstance(tokens, Tokens)
    assert tokens.vocabulary == tokenizer().size == len(set(spoken_dates.WORDS)) == trained().outputs[0].shape[-1]


def test_numbers_are_spelled() -> None:
    assert [spoken_dates.below_hundred(number) for number in (4, 20, 99)] == ["four", "twenty", "ninety-nine"]
    assert [spoken_dates.ordinal(number) for number in (1, 12, 20, 23, 30, 31)] == [
        "first",
        "twelfth",
        "twentieth",
        "twenty-third",
        "thirtieth",
        "thirty-first",
    ]
    assert [spoken_dates.ending(number) for number in (1, 2, 3, 4, 11, 12, 13, 20, 21, 31)] == [
        *("st", "nd", "rd", "th", "th", "th", "th", "th", "st", "st")
    ]
    assert spoken_dates.years(1905) == ["nineteen oh five"]
    assert spoken_dates.years(1900) == ["nineteen hundred"]
    assert spoken_dates.years(2000) == ["two thousand"]
    assert spoken_dates.years(2014) == ["twenty fourteen", "two thousand and fourteen", "two thousand fourteen"]


def test_one_date_in_ten_is_held_out_of_training_and_of_calibration() -> None:
    built_in = resources.files("zoo.language").joinpath(DATES).read_text(encoding="utf-8").splitlines()
    assert built_in == list(spoken_dates.pairs("train", len(built_in), seed=2))
    learned = {line.split(SEPARATOR)[1] for line in (*spoken_dates.pairs("train", 2000, seed=0), *built_in)}
    held_out = {line.split(SEPARATOR)[1] for line in HELD_OUT}
    assert {date.fromisoformat(one).toordinal() % 10 for one in held_out} == {0}
    assert {date.fromisoformat(one).toordinal() % 10 for one in learned} == set(range(1, 10))


def test_every_text_fits_and_every_word_is_known() -> None:
    unknown = tokenizer().number(spoken_dates.UNKNOWN)
    for line in spoken_dates.pairs("train", 2000, seed=3):
        text, iso = line.split(SEPARATOR)
        assert len(tokenizer().ids(text)) <= transformer_dates.SIZES["length"]
        assert len(tokenizer().ids(iso)) == transformer_dates.SIZES["target_length"]
        assert unknown not in tokenizer().ids(line)
        assert tokenizer().decode(tokenizer().ids(iso)) == iso


def test_held_out_dates_are_written_exactly() -> None:
    assert exact_match(trained(), pairs(HELD_OUT)) > 0.98
    next_ones = HELD_OUT[1:] + HELD_OUT[:1]
    swapped = [
        f"{a.split(SEPARATOR)[0]}{SEPARATOR}{b.split(SEPARATOR)[1]}" for a, b in zip(HELD_OUT, next_ones, strict=True)
    ]
    assert exact_match(trained(), pairs(swapped)) < 0.05


def test_the_exact_match_is_that_of_texts_written_token_by_token() -> None:
    """With a network that is damaged until it is sometimes wrong."""
    model = ARCHITECTURE.build()
    weights.load(model, ARCHITECTURE)
    kernel = model.get_layer("encoder1_inner").kernel
    kernel.assign(kernel + 0.2 * np.random.default_rng(0).standard_normal(kernel.shape))
    some = pairs(HELD_OUT[:40], model)
    written = np.zeros_like(some.target)
    written[:, 0] = some.target[:, 0]
    for place in range(written.shape[1] - 1):
        logits = model.predict([some.source, some.mask, written], verbose=0)
        written[:, place + 1] = logits[:, place].argmax(-1)
    share = float((written == some.target).all(axis=1).mean())
    assert 0.05 < share < 0.95
    assert exact_match(model, some) == pytest.approx(share)


def test_a_network_without_a_tokenizer_is_not_trained() -> None:
    network = Network(model=trained(), inputs=transformer.inputs())
    with pytest.raises(UsageProblemError, match="has no tokenizer here"):
        COURSE.fit(network, Settings(epochs=1, count=5, seed=0, data=None))


@pytest.mark.large  # compiles two training steps
def test_training_is_effective_and_repeatable() -> None:
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model = transformer.network(**{**transformer_dates.SIZES, "width": 16, "hidden": 16, "depth": 1})
        some = pairs(list(spoken_dates.pairs("train", 64, seed=0)), model)
        assert exact_match(model, some) == 0
        fit(model, some, epochs=150, batch=32, learning_rate=1e-2, seed=1)
        assert exact_match(model, some) > 0.5
        found.append([weight.numpy() for weight in model.weights])
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))

"""State what a Keras layer does that turns text into numbers, and compare that with the layer itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from calibration.inputs import Texts
from zoo.language.text_rule import TextRule

MOST_WORDS = 1000  # of a vocabulary that are tried
# A rule is tried on words in several forms: with capitals, punctuation, white space and letters beyond ASCII.
_FORMS = ("{}", "{}!", " {} -- \t{} ", "{}, 'Q' {}.", "\u00c4{} \u20ac\u00a0{}\u2003x", "{} {} {}\n{}")


def rule_of(layer: Any, vocabulary: str, shape: Sequence[int | None], texts: Texts) -> TextRule:
    """Return the rule by which texts become the numbers of a layer; it says if it is incomplete.

    Args:
        layer: the layer.
        vocabulary: name of the file with its words; empty if it has none.
        shape: of its numbers for one sample.
        texts: the layer itself.
    """
    kind = type(layer).__name__
    words = _words(layer)
    lookup = getattr(layer, "_lookup_layer", layer)
    unfit = not words or len(shape) != 1 or getattr(lookup, "num_oov_indices", 2) > 1
    settings = [_setting(layer, name) for name in ("standardize", "split", "ngrams", "output_mode")]
    if unfit or any(callable(one) for one in settings):
        return TextRule(layer=kind, vocabulary=vocabulary)
    standardize, split, ngrams, mode = settings
    rule = TextRule(
        layer=kind,
        vocabulary=vocabulary,
        is_complete=True,
        count=math.prod(texts.shape),
        standardize=standardize or "",
        split=split or "",
        ngrams=tuple(ngrams or ()),
        output_mode=mode or "",
        length=int(shape[0] or 0),
        unknown=_unknown(lookup, mode),
        idf_weights=_idf_weights(lookup) if mode == "tf_idf" else (),
    )
    return rule if _is_right(rule, words, texts) else TextRule(layer=kind, vocabulary=vocabulary)


def _setting(layer: Any, name: str) -> Any:
    # Keras keeps the settings of TextVectorization to itself.
    return getattr(layer, f"_{name}", getattr(layer, name, None))


def _words(layer: Any) -> list[str]:
    return [str(word) for word in layer.get_vocabulary()] if hasattr(layer, "get_vocabulary") else []


def _unknown(lookup: Any, mode: str) -> int | None:
    """Return the number of unknown words, which follows that of the mask in numbers, and is 0 in counts."""
    if not lookup.num_oov_indices:
        return None
    return 1 if lookup.mask_token is not None and mode == "int" else 0


def _idf_weights(lookup: Any) -> tuple[float, ...]:
    return tuple(float(one) for one in np.asarray(lookup.idf_weights_const))


def _is_right(rule: TextRule, words: Sequence[str], texts: Texts) -> bool:
    """Return whether the rule gives the numbers of the layer."""
    tried = list(_tried(rule, words))
    try:
        expected = np.asarray(texts.numbers(np.array(tried, object).reshape(-1, *texts.shape)), np.float64)
        sized = replace(rule, length=rule.length or expected.shape[-1])  # without a length, Keras pads to the longest
        found = sized.numbers(tried, [word.replace("\n", " ") for word in words])
    except Exception:  # the layer may run any code, and an incomplete rule is no error
        return False
    return expected.shape == found.shape and bool(np.allclose(expected, found, rtol=1e-5))


def _tried(rule: TextRule, words: Sequence[str]) -> Iterator[list[str]]:
    """Yield samples of words of the list and, if they have a number, of others."""
    count = rule.count
    known = [word for word in words[:MOST_WORDS] if word] or [""]
    others = ["", "Nosuchword", "[UNK]"] if rule.unknown is not None else []
    forms = _FORMS if rule.unknown is not None else _FORMS[:1]
    pool = [*known, *others, *(word.upper() for word in known if rule.unknown is not None)]
    for place, _ in enumerate(pool):
        for number, form in enumerate(forms):
            chosen = [pool[(place + 3 * at + number) % len(pool)] for at in range(4 * count)]
            yield [form.format(*chosen[4 * at : 4 * at + 4]) for at in range(count)]

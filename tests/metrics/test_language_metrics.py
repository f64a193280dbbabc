"""Metrics of vectors and of the next token, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from export.metrics import OutputKind, compare
from export.metrics.directions import mean_cosine, nearest_agreement
from export.metrics.next_tokens import mean_kl_nats, perplexity

VECTORS = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 2.0], [-0.1, 1.0]])


def test_the_cosine_ignores_lengths_but_not_directions() -> None:
    assert mean_cosine(VECTORS, 3 * VECTORS) == pytest.approx(1)
    turned = VECTORS @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert mean_cosine(VECTORS, turned) == pytest.approx(0)
    assert mean_cosine(VECTORS, 0 * VECTORS) == 0


def test_the_nearest_other_sample_counts() -> None:
    assert nearest_agreement(VECTORS, VECTORS) == 1
    swapped = VECTORS[[0, 2, 1, 3]]  # 0 and 2 belong together now
    assert nearest_agreement(VECTORS, swapped) == 0
    assert nearest_agreement(VECTORS[:2], VECTORS[:2]) is None
    assert nearest_agreement(VECTORS[:, None], VECTORS[:, None]) is None


def test_the_divergence_of_two_coins() -> None:
    even, biased = np.log([[[0.5, 0.5]]]), np.log([[[0.75, 0.25]]])
    assert mean_kl_nats(even, biased) == pytest.approx(0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25))
    assert mean_kl_nats(even, even + 7) == pytest.approx(0)  # a constant changes no chance


def test_the_perplexity_of_a_guess_is_the_number_of_tokens() -> None:
    tokens = np.array([[1, 2, 3, 0], [0, 0, 1, 2]], np.int32)
    assert perplexity(np.zeros((2, 4, 8)), tokens) == pytest.approx(8)
    sure = np.full((2, 4, 8), -1e3)
    np.put_along_axis(sure[:, :-1], tokens[:, 1:, None].astype(int), 0.0, axis=2)
    assert perplexity(sure, tokens) == pytest.approx(1)


def test_the_logits_of_a_position_belong_to_the_token_behind_it() -> None:
    """Planted: a position off by one."""
    tokens = np.array([[1, 2, 3, 0]], np.int32)
    wrong = np.full((1, 4, 8), -10.0)
    np.put_along_axis(wrong, tokens[..., None].astype(int), 0.0, axis=2)
    assert perplexity(wrong, tokens) > 1000


def test_a_comparison_has_the_metrics_of_its_kind() -> None:
    generator = np.random.default_rng(0)
    vectors, logits = generator.standard_normal((6, 8)), generator.standard_normal((2, 3, 9))
    one = compare(reference=vectors, actual=vectors, kind=OutputKind.EMBEDDINGS)
    assert (one.mean_cosine, one.nearest_agreement, one.prediction_agreement) == (pytest.approx(1), 1, 1)
    assert (one.top1_agreement, one.mean_kl_nats) == (None, None)
    two = compare(reference=logits, actual=logits, kind=OutputKind.NEXT_TOKENS)
    assert (two.mean_kl_nats, two.top1_agreement, two.top5_agreement) == (pytest.approx(0), 1, None)
    assert two.mean_cosine is None
    three = compare(reference=vectors, actual=vectors, kind=OutputKind.VALUES)
    assert (three.mean_cosine, three.nearest_agreement, three.mean_kl_nats) == (None, None, None)

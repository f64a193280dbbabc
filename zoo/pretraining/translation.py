"""Encoder-decoders learn to write spoken dates as ISO 8601 does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UsageProblemError
from zoo.inputs import SEPARATOR
from zoo.language import spoken_dates
from zoo.language.tokenizer import FILE, Tokenizer
from zoo.pretraining.course import Course, Network, Settings

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int32]

_TEST_COUNT = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Texts and their translations.

    Attributes:
        source: tokens (N, length).
        mask: 1 for tokens of the source, 0 for padding.
        target: tokens (N, target length).
        target_mask: 1 for tokens of the target, 0 for padding.
    """

    source: Numbers
    mask: Numbers
    target: Numbers
    target_mask: Numbers


def encode(lines: Sequence[str], tokenizer: Tokenizer, model: keras.Model) -> Pairs:
    """Return lines of a text, a tab and its translation as tokens of the lengths of the model."""
    import numpy as np

    length, _, target_length = (one.shape[1] for one in model.inputs)
    texts = [line.split(SEPARATOR) for line in lines]
    sources = [tokenizer.encode(text, length) for text, _ in texts]
    targets = [tokenizer.encode(text, target_length) for _, text in texts]
    return Pairs(
        source=np.stack([one.ids for one in sources]),
        mask=np.stack([one.mask for one in sources]),
        target=np.stack([one.ids for one in targets]),
        target_mask=np.stack([one.mask for one in targets]),
    )


def fit(
    model: keras.Model, pairs: Pairs, *, epochs: int, batch: int = 64, learning_rate: float = 2e-3, seed: int = 0
) -> None:
    """Train `model` in place; the same seed on the same machine gives the same weights."""
    import keras
    import numpy as np

    count = len(pairs.source)
    steps = epochs * (count // batch)
    # Layer norms behind the sums need a slow start (section 5.3 of the paper).
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=learning_rate, warmup_steps=max(1, steps // 10), alpha=0.02
    )
    step = training_step(model, keras.optimizers.AdamW(schedule, weight_decay=1e-3, beta_2=0.98, global_clipnorm=1.0))
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order, losses = rng.permutation(count), []
        for start in range(0, count - batch + 1, batch):
            some = order[start : start + batch]
            losses.append(step(pairs.source[some], pairs.mask[some], pairs.target[some], pairs.target_mask[some]))
        click.echo(f"epoch {epoch + 1} of {epochs}: training loss {np.mean(losses):.4f} nats a token")


def training_step(model: keras.Model, optimizer: keras.Optimizer) -> Any:
    """Return a function of one batch of `Pairs` that trains `model` and returns the loss before the step."""
    import tensorflow as tf

    def step(source: Any, mask: Any, target: Any, target_mask: Any) -> Any:
        weights = tf.cast(target_mask[:, 1:], tf.float32)
        with tf.GradientTape() as tape:
            logits = model([source, mask, target], training=True)[:, :-1]
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target[:, 1:], logits=logits)
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return tf.function(step, reduce_retracing=True)


def exact_match(model: keras.Model, pairs: Pairs) -> float:
    """Return the share of texts whose translation, written token by token, is the target.

    The likeliest token behind every part of the target is the next one exactly if the model writes the target.
    """
    logits = model.predict([pairs.source, pairs.mask, pairs.target], batch_size=256, verbose=0)
    is_right = logits[:, :-1].argmax(-1) == pairs.target[:, 1:]
    return float((is_right | (pairs.target_mask[:, 1:] == 0)).all(axis=1).mean())


def _pairs(network: Network, lines: Sequence[str]) -> Pairs:
    """Return lines as tokens.

    Raises:
        UsageProblemError: the network has no tokenizer.
    """
    if FILE not in network.companions:
        raise UsageProblemError(f"{network.model.name} has no tokenizer here, which training on texts needs")
    return encode(lines, Tokenizer(network.companions[FILE]), network.model)


def _fit(network: Network, settings: Settings) -> None:
    lines = list(spoken_dates.pairs("train", settings.count, settings.seed))
    fit(network.model, _pairs(network, lines), epochs=settings.epochs, seed=settings.seed)


def _measure(network: Network, settings: Settings) -> list[str]:
    lines = list(spoken_dates.pairs("test", _TEST_COUNT, seed=1))
    return [f"exact match of {_TEST_COUNT} held-out dates: {exact_match(network.model, _pairs(network, lines)):.4f}"]


COURSE = Course(data="dates", epochs=4, count=40_000, options={}, fit=_fit, measure=_measure)

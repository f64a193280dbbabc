"""Encoders learn the tokens that are hidden in speeches of Shakespeare's plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UsageProblemError
from zoo.language import plays
from zoo.language.tokenizer import FILE, Tokenizer
from zoo.pretraining.course import Course, Network, Settings

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int32]

# Devlin et al. 2019, section 3.1: of the tokens that count, 80 % are replaced by [MASK] and 10 % by any token.
HIDDEN, MASKED, REPLACED = 0.15, 0.8, 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Texts:
    """Texts as tokens.

    Attributes:
        ids: tokens (N, length).
        mask: 1 for tokens, 0 for padding (N, length).
        mask_token: stands for a hidden token.
        vocabulary: number of different tokens.
    """

    ids: Numbers
    mask: Numbers
    mask_token: int
    vocabulary: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Hidden:
    """Texts some of whose tokens are hidden.

    Attributes:
        ids: what the network reads (N, length).
        wanted: the tokens themselves (N, length).
        mask: 1 for tokens, 0 for padding (N, length).
        counts: 1 where the network has to find the token (N, length), float32.
    """

    ids: Numbers
    wanted: Numbers
    mask: Numbers
    counts: NDArray[np.float32]


def encode(lines: Sequence[str], tokenizer: Tokenizer, model: keras.Model) -> Texts:
    """Return lines as tokens of the length of the model."""
    import numpy as np

    found = [tokenizer.encode(line, model.inputs[0].shape[1]) for line in lines]
    return Texts(
        ids=np.stack([one.ids for one in found]),
        mask=np.stack([one.mask for one in found]),
        mask_token=tokenizer.mask_token(),
        vocabulary=tokenizer.size,
    )


def hide(texts: Texts, rows: Any, rng: np.random.Generator) -> Hidden:
    """Return some texts with hidden tokens, at least one in each; the first token, [CLS], is never hidden."""
    import numpy as np

    ids, mask = texts.ids[rows], texts.mask[rows]
    chances = np.where(mask == 1, rng.random(ids.shape), 2.0)
    chances[:, 0] = 2.0
    counts = (chances < HIDDEN) | (chances == chances.min(axis=1, keepdims=True))
    how, other = rng.random(ids.shape), rng.integers(0, texts.vocabulary, ids.shape)
    replaced = np.where(how < MASKED, texts.mask_token, np.where(how < REPLACED, other, ids))
    return Hidden(
        ids=np.where(counts, replaced, ids).astype(np.int32), wanted=ids, mask=mask, counts=counts.astype(np.float32)
    )


def fit(
    model: keras.Model, texts: Texts, *, epochs: int, batch: int = 64, learning_rate: float = 3e-3, seed: int = 0
) -> None:
    """Train `model` in place; the same seed on the same machine gives the same weights."""
    import keras
    import numpy as np

    count = len(texts.ids)
    steps = epochs * (count // batch)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=learning_rate, warmup_steps=max(1, steps // 10), alpha=0.02
    )
    step = training_step(model, keras.optimizers.AdamW(schedule, weight_decay=0.01, beta_2=0.98, global_clipnorm=1.0))
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order, losses = rng.permutation(count), []
        for start in range(0, count - batch + 1, batch):
            some = hide(texts, order[start : start + batch], rng)
            losses.append(step(some.ids, some.mask, some.wanted, some.counts))
        click.echo(f"epoch {epoch + 1} of {epochs}: training loss {np.mean(losses):.3f} nats a hidden token")


def training_step(model: keras.Model, optimizer: keras.Optimizer) -> Any:
    """Return a function of the arrays of one batch of `Hidden` that trains `model` and returns the loss before it."""
    import tensorflow as tf

    def step(ids: Any, mask: Any, wanted: Any, counts: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model([ids, mask, tf.zeros_like(ids)], training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=wanted, logits=logits)
            loss = tf.reduce_sum(losses * counts) / tf.reduce_sum(counts)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return tf.function(step, reduce_retracing=True)


def found_share(model: keras.Model, hidden: Hidden) -> float:
    """Return the share of hidden tokens that have the highest score in their place."""
    import numpy as np

    logits = model.predict([hidden.ids, hidden.mask, np.zeros_like(hidden.ids)], batch_size=64, verbose=0)
    return float((logits.argmax(-1) == hidden.wanted)[hidden.counts > 0].mean())


def _speeches(network: Network, settings: Settings, names: Sequence[str]) -> Texts:
    """Return the speeches of plays.

    Raises:
        UsageProblemError: the network has no tokenizer.
    """
    if FILE not in network.companions:
        raise UsageProblemError(f"{network.model.name} has no tokenizer here, which training on texts needs")
    path = plays.archive(settings.data)
    lines = [text for name in names for text in plays.speeches(name, path)]
    return encode(lines, Tokenizer(network.companions[FILE]), network.model)


def _fit(network: Network, settings: Settings) -> None:
    fit(network.model, _speeches(network, settings, plays.TRAINING), epochs=settings.epochs, seed=settings.seed)


def _measure(network: Network, settings: Settings) -> list[str]:
    import numpy as np

    texts = _speeches(network, settings, [plays.HELD_OUT])
    share = found_share(network.model, hide(texts, slice(None), np.random.default_rng(1)))
    return [f"hidden tokens of {plays.HELD_OUT}, held out, that are found: {100 * share:.1f} %"]


COURSE = Course(data="shakespeare", epochs=12, options={}, fit=_fit, measure=_measure)

"""Decoders learn Shakespeare's plays, token by token."""

from __future__ import annotations

from collections.abc import Sequence
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

    Tokens = NDArray[np.int32]

_REPORTS = 20  # sentences about the loss


def fit(
    model: keras.Model, tokens: Tokens, *, epochs: int, batch: int = 16, learning_rate: float = 3e-3, seed: int = 0
) -> None:
    """Train `model` in place on `tokens` (N,), a long text from which every step takes random pieces.

    The same seed on the same machine gives the same weights.
    """
    import keras
    import numpy as np

    length = model.inputs[0].shape[1]
    steps = epochs * len(tokens) // (batch * length)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=learning_rate, warmup_steps=steps // 20, alpha=0.05
    )
    step = training_step(model, keras.optimizers.AdamW(schedule, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0))
    rng = np.random.default_rng(seed)
    losses: list[float] = []
    for number in range(1, steps + 1):
        starts = rng.integers(0, len(tokens) - length, batch)
        losses.append(float(step(np.stack([tokens[start : start + length + 1] for start in starts]))))
        if number % max(1, steps // _REPORTS) == 0:
            click.echo(f"step {number} of {steps}: training loss {np.mean(losses):.3f} nats a token")
            losses.clear()


def training_step(model: keras.Model, optimizer: keras.Optimizer) -> Any:
    """Return a function that trains `model` on texts (N, length + 1) and returns the loss before the step."""
    import tensorflow as tf

    def step(texts: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(texts[:, :-1], training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=texts[:, 1:], logits=logits))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    return tf.function(step, reduce_retracing=True)


def perplexity(model: keras.Model, tokens: Tokens) -> float:
    """Return the perplexity of `tokens` (N,), in pieces of the length of the model; a rest is left out."""
    import numpy as np

    length = model.inputs[0].shape[1]
    pieces = tokens[: len(tokens) // length * length].reshape(-1, length)
    logits = model.predict(pieces, batch_size=16, verbose=0)[:, :-1]
    exact = logits - logits.max(-1, keepdims=True)
    logs = exact - np.log(np.exp(exact).sum(-1, keepdims=True))
    return float(np.exp(-np.take_along_axis(logs, pieces[:, 1:, None], axis=-1).mean()))


def _tokens(network: Network, settings: Settings, names: Sequence[str]) -> Tokens:
    """Return the speeches of plays as one long text.

    Raises:
        UsageProblemError: the network has no tokenizer.
    """
    import numpy as np

    if FILE not in network.companions:
        raise UsageProblemError(f"{network.model.name} has no tokenizer here, which training on texts needs")
    tokenizer = Tokenizer(network.companions[FILE])
    path = plays.archive(settings.data)
    texts = (text for name in names for text in plays.speeches(name, path))
    return np.asarray([token for text in texts for token in tokenizer.ids(text)], np.int32)


def _fit(network: Network, settings: Settings) -> None:
    fit(network.model, _tokens(network, settings, plays.TRAINING), epochs=settings.epochs, seed=settings.seed)


def _measure(network: Network, settings: Settings) -> list[str]:
    tokens = _tokens(network, settings, [plays.HELD_OUT])
    return [f"perplexity of {plays.HELD_OUT}, held out: {perplexity(network.model, tokens):.2f}"]


COURSE = Course(data="shakespeare", epochs=4, options={"length": 128}, fit=_fit, measure=_measure)

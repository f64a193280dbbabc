"""The layers of language networks that a .keras file may name."""

from __future__ import annotations


def register() -> None:
    """Make the layers known to Keras, which finds them by name only after their modules are imported."""
    from zoo.language import (  # noqa: F401
        bias,
        cached_attention,
        cross_attention,
        rms_norm,
        rotary,
        sinusoids,
        tied_embedding,
    )

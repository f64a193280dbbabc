"""From texts to the tokens that a network reads, by the tokenizer that travels with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.inputs import InputSpec
from calibration.sources.request import Request
from calibration.sources.texts import TextInputs
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.inputs import tokenizer_of
from zoo.language.tokenizer import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.start import Start


def encoder(start: Start) -> TextInputs:
    """Return what turns a text into the inputs of the network.

    Raises:
        UsageProblemError: the network has no tokenizer.
    """
    name = tokenizer_of(start.inputs)
    if name not in start.companions:
        raise UsageProblemError(f"{start.title} has no tokenizer here, which training on texts needs")
    specs = signature.inputs(start.model)
    request = Request(
        inputs={spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in specs},
        contracts=start.inputs,
        counts=(0, 0),
        seed=0,
    )
    return TextInputs(Tokenizer(start.companions[name], name), request)


def encoded(start: Start, texts: Sequence[str]) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return the inputs (N, length) of texts by name, and a warning if texts were cut off."""
    reader = encoder(start)
    inputs = {spec.name: np.empty((len(texts), *spec.shape[1:]), spec.dtype) for spec in signature.inputs(start.model)}
    cut = 0
    for row, text in enumerate(texts):
        values, is_cut = reader.inputs(text)
        for name, array in inputs.items():
            array[row] = values[name]
        cut += is_cut
    longer = f"{cut} of {len(texts)} texts are longer than {reader.length} tokens and were cut off; a network "
    return inputs, (longer + "trained with a larger --set length=... reads more of them",) if cut else ()

"""A prompt is read right up to the end of the context, also if pieces of `prefill_N` do not divide the context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from export.formats import FORMATS
from export.formats.session import TextDecoder
from tests.language.small_decoders import Small, small

CONTEXT, PIECE = 20, 3  # A piece that starts at position 18 has one token too many.


@pytest.fixture(scope="module", params=["stories15m", "gpt2"])
def decoder(request: pytest.FixtureRequest) -> Small:
    return small(request.param, depth=1, context=CONTEXT, length=CONTEXT)


@pytest.fixture(scope="module")
def texts(decoder: Small, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, TextDecoder]:
    short = small(decoder.name, depth=1, context=CONTEXT, length=4 * PIECE)  # The same weights, and shorter pieces.
    assert f"prefill_{PIECE}" in short.decoder().in_place
    found: dict[str, TextDecoder] = {}
    for name in FORMATS:
        path: Path = tmp_path_factory.mktemp("files") / f"small{FORMATS[name].suffix}"
        path.write_bytes(FORMATS[name].convert(short.model, decoder=short.decoder()))
        session = FORMATS[name].open(path)
        assert isinstance(session, TextDecoder)
        found[name] = session
    return found


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("count", range(1, CONTEXT + 1))
def test_a_prompt_of_any_length_gives_the_logits_of_the_whole_text(
    count: int, format_name: str, decoder: Small, texts: Mapping[str, TextDecoder]
) -> None:
    tokens = decoder.tokens[0]
    text = texts[format_name].begin()
    logits = [text.read(tokens[:count]), *(text.read(tokens[place : place + 1]) for place in range(count, CONTEXT))]
    assert np.abs(np.stack(logits) - decoder.logits[0, count - 1 :]).max() < 1e-4

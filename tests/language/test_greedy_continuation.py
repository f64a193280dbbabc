"""For how many tokens a file writes what the model would write."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from calibration.samples import Samples
from export.formats import FORMATS
from export.formats.format import Format
from export.proof import greedy_continuation
from export.proof.greedy_continuation import GreedyContinuation, continue_probe
from tests.language.small_decoders import small


def continued(content: bytes, file_format: Format, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the result for a file, as if the network were trained."""
    found, path = small("gpt2"), folder / f"model{file_format.suffix}"
    path.write_bytes(content)
    subject = SimpleNamespace(decoder=found.decoder, weights=SimpleNamespace(trained=True))
    samples = SimpleNamespace(probe=Samples(inputs={"tokens": found.tokens}, source="tokens", seed=0))
    run: Any = SimpleNamespace(subject=subject, samples=samples, work=folder)
    file: Any = SimpleNamespace(on_disk=lambda _: path)

    def scored(_: Any, given: Samples) -> dict[str, Any]:
        return {"logits": found.model.predict(given.inputs["tokens"], verbose=0)}

    monkeypatch.setattr(greedy_continuation.entries, "outputs", scored)
    return continue_probe(run, file)


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_healthy_file_writes_what_the_model_writes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = small("gpt2")
    content = FORMATS[name].convert(found.model, decoder=found.decoder())
    assert continued(content, FORMATS[name], tmp_path, monkeypatch) == GreedyContinuation(tokens=6, same=(6, 6, 6))


def test_a_file_of_other_weights_writes_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the table of the tokens is another one in the file."""
    found = small("gpt2")
    layer = found.model.get_layer("embedding")
    (kept,) = layer.get_weights()
    layer.set_weights([np.roll(kept, 1, axis=0)])
    content = FORMATS["onnx"].convert(found.model, decoder=found.decoder())
    layer.set_weights([kept])
    result = continued(content, FORMATS["onnx"], tmp_path, monkeypatch)
    assert result.median < 4


def test_long_texts_are_continued_at_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small("gpt2")
    content = FORMATS["onnx"].convert(found.model, decoder=found.decoder())
    monkeypatch.setattr(greedy_continuation, "MOST_TOKENS", 4)
    assert continued(content, FORMATS["onnx"], tmp_path, monkeypatch) == GreedyContinuation(tokens=4, same=(4, 4, 4))


def _trained(inputs: dict[str, Any]) -> Any:
    subject = SimpleNamespace(decoder=lambda _: None, weights=SimpleNamespace(trained=True))
    samples = SimpleNamespace(probe=Samples(inputs=inputs, source="tokens", seed=0))
    return SimpleNamespace(subject=subject, samples=samples, work=Path("nowhere"))


def test_networks_with_nothing_to_continue_are_left_out() -> None:
    """An encoder-decoder writes another text, and nothing comes before a single token."""
    tokens = np.ones((2, 8), np.int32)
    both: Any = dict.fromkeys(("source", "source_mask", "target"), tokens)
    file: Any = SimpleNamespace(on_disk=lambda _: pytest.fail("the file was run"))
    assert continue_probe(_trained(both), file) is None
    assert continue_probe(_trained({"tokens": tokens[:, :1]}), file) is None

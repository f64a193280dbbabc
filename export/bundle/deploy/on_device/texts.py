"""Continue and translate texts, always with the most probable token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from zoo.errors import UsageProblemError
from zoo.language.tokenizer import Tokenizer

from .decoders import SOURCE, SOURCE_MASK, Decoder
from .model import Array, Model, ModelFile

SHOWN = 3  # tokens in place of a hidden one
ENDS = ("</s>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "<eos>", "[SEP]")


def tokenizer_of(model: Model) -> Tokenizer:
    """Return the tokenizer in the folder.

    Raises:
        UsageProblemError: the model reads no text, or the library for its tokenizer is missing.
    """
    names = [one["tokenizer"] for one in model.inputs.values() if one.get("tokenizer")]
    if not names:
        raise UsageProblemError(f"{model.title} reads no text that this program can prepare; see golden.npz")
    try:
        return Tokenizer((model.folder / names[0]).read_bytes(), names[0])
    except ImportError:
        raise UsageProblemError("texts need the tokenizers library; type: pip install tokenizers") from None


def hidden_tokens(model: Model, inputs: dict[str, Array], outputs: Mapping[str, Array]) -> list[str]:
    """Return lines with the most probable tokens for each hidden one of a text, whose inputs and outputs are (1, ...).

    Raises:
        UsageProblemError: the text hides no token.
    """
    tokenizer = tokenizer_of(model)
    hidden = tokenizer.mask_token()
    ids = next(inputs[name][0] for name, one in model.inputs.items() if one["kind"] == "tokens")
    ((_, scores),) = outputs.items()
    places = np.flatnonzero(ids == hidden)
    if not len(places):
        raise UsageProblemError(f"the text hides no token; write {tokenizer.token(hidden)} in place of one")
    lines = []
    for place in places:
        row = scores[0, place]
        shares = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        best = np.argsort(-row, kind="stable")[:SHOWN]
        words = ", ".join(f"{tokenizer.token(int(token))} {shares[token]:.1%}" for token in best)
        lines.append(f"{tokenizer.token(hidden)} at token {place}: {words}")
    return lines


def continued(model: Model, file: ModelFile, decoder: Decoder, text: str, most: int) -> str:
    """Return what follows a text: at most `most` tokens; or its translation, if the model translates.

    Raises:
        UsageProblemError: the text is longer than the model reads.
    """
    tokenizer = tokenizer_of(model)
    ends = {number for number in map(tokenizer.number, ENDS) if number is not None}
    lengths = {one.name: one.shape[1] for one in file.inputs}
    if SOURCE in lengths:
        encoded = tokenizer.encode(text, lengths[SOURCE])
        begin, *_, end = tokenizer.ids("")
        source = {SOURCE: encoded.ids[None], SOURCE_MASK: encoded.mask[None]}
        return tokenizer.decode(list(_new_tokens(decoder, source, [begin], {end}, most)))
    prompt = tokenizer.ids(text)
    if not prompt:
        raise UsageProblemError("the text is empty; type some words")
    new = list(_new_tokens(decoder, {}, prompt, ends, most))
    return tokenizer.decode([*prompt, *new])[len(tokenizer.decode(prompt)) :]


def _new_tokens(
    decoder: Decoder, source: dict[str, Array], prompt: list[int], ends: set[int], most: int
) -> Iterator[int]:
    text = decoder.begin(source)
    if len(prompt) >= decoder.context:
        raise UsageProblemError(
            f"the text has {len(prompt)} tokens, and the model reads {decoder.context}; type a shorter one"
        )
    logits = text.read(np.asarray(prompt, np.int32))
    for _ in range(min(most, decoder.context - len(prompt))):
        token = int(np.argmax(logits))
        if token in ends:
            return
        yield token
        logits = text.read(np.asarray([token], np.int32))

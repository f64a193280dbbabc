"""ANNalog: a Transformer that reads a molecule and writes a similar one, both in SMILES.

The package annalog, https://github.com/DVNecromancer/ANNalog; https://chemrxiv.org/doi/10.26434/chemrxiv-2025-9c1v6.
Its network has learned positions, a table for each text and biases in attention, after
https://github.com/bentrevett/pytorch-seq2seq.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo import inputs as texts
from zoo.architecture import Architecture, register
from zoo.inputs import Input, Tokens
from zoo.language.tokenizer import FILE
from zoo.pretrained import annalog as pretrained
from zoo.transformer import decoder, inputs, network

SIZES: Mapping[str, Any] = {
    "width": 256,
    "depth": 3,
    "heads": 8,
    "hidden": 512,
    "vocabulary": 59,
    "length": 102,
    "target_length": 102,
    "is_as_published": False,
    "epsilon": 1e-5,
}


def _molecules(**_: object) -> dict[str, Input]:
    """Return the meaning of the inputs."""
    tokens = Tokens(vocabulary=SIZES["vocabulary"], tokenizer=FILE, texts=texts.MOLECULES)
    return {**inputs(vocabulary=SIZES["vocabulary"]), "source": tokens}


ANNALOG = register(
    Architecture(
        name="annalog",
        title="ANNalog, a Transformer for molecules (Dai, 2025)",
        task="translation",
        paper="https://chemrxiv.org/doi/10.26434/chemrxiv-2025-9c1v6",
        build=partial(network, **SIZES),
        inputs=_molecules,
        parameter_count=4_051_259,
        weights=(pretrained.ANALOGUES,),
        decoder=decoder,
        companions=pretrained.tokenizer,
    )
)

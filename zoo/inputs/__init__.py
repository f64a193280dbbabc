"""Input contracts: what an input of a model means.

A contract describes itself to the reader, is stored with the files as plain data, parses what a user types, and
generates values of its kind. `calibration.sources` knows where data of each kind come from. A new kind is one new file
and an entry of `KINDS`, or a class anywhere else and a call of `KINDS.register`.
"""

from zoo.inputs.contract import Input
from zoo.inputs.features import Features
from zoo.inputs.generated import Distribution, Random, Zeros
from zoo.inputs.photo import Photo, photo, photo_input, preprocessing_of
from zoo.inputs.registry import KINDS, from_record, made_up, record
from zoo.inputs.sound import Sound, front_end_of, sound_of
from zoo.inputs.tokens import (
    DATES,
    MOLECULES,
    REACTIONS,
    SENTENCES,
    SEPARATOR,
    SPEECHES,
    STORIES,
    TEXT_KINDS,
    TargetTokens,
    TokenMask,
    Tokens,
    TokenSegments,
    text,
    tokenizer_of,
)
from zoo.inputs.vector import Vector

__all__ = [
    "DATES",
    "KINDS",
    "MOLECULES",
    "REACTIONS",
    "SENTENCES",
    "SEPARATOR",
    "SPEECHES",
    "STORIES",
    "TEXT_KINDS",
    "Distribution",
    "Features",
    "Input",
    "Photo",
    "Random",
    "Sound",
    "TargetTokens",
    "TokenMask",
    "TokenSegments",
    "Tokens",
    "Vector",
    "Zeros",
    "from_record",
    "front_end_of",
    "made_up",
    "photo",
    "photo_input",
    "preprocessing_of",
    "record",
    "sound_of",
    "text",
    "tokenizer_of",
]

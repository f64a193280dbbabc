"""docs/audio.md: its record of an input is the zoo's, and its commands do what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import zoo
from calibration.sound_files import check_rate
from export.cli.main import main
from tests.audio.sounds import note, notes, write
from tests.docs.test_pages import DOCS, commands
from zoo import inputs
from zoo.audio.wave_file import read_wave
from zoo.errors import UsageProblemError
from zoo.inputs import front_end_of

PAGE = DOCS / "audio.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_record_of_an_input_is_that_of_the_network() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    (contract,) = inputs.record(zoo.find("mlperf_kws").inputs()).values()
    assert {**json.loads(block), "samples": "keywords"} == contract


def test_the_front_ends_are_those_of_the_table() -> None:
    option = zoo.find("mlperf_kws").options["front_end"]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) [^,|]*, (\d+) to (\d+) Hz", TEXT, re.MULTILINE)
    assert [row[0] for row in rows] == list(option.choices)
    for name, width, low, high in rows:
        one = front_end_of(zoo.find("mlperf_kws").inputs(front_end=name))
        assert one is not None
        assert (one.width, one.low_hz, one.high_hz, one.frames) == (int(width), float(low), float(high), 49)


@pytest.mark.parametrize(("front_end", "rate"), [("mfcc", 8000), ("log_mel", 15000), ("fixed_point", 15000)])
def test_the_lowest_rates_are_those_of_the_page(front_end: str, rate: int, tmp_path: Path) -> None:
    assert re.search(r"below 8000\s+Hz.*15,000\s+Hz", TEXT, re.DOTALL)
    one = front_end_of(zoo.find("mlperf_kws").inputs(front_end=front_end))
    assert one is not None
    for given in (rate, rate - 1):
        path = write(tmp_path / f"{given}.wav", note(300, 0, rate=given), rate=given)
        if given == rate:
            check_rate(path, read_wave(path), one.rate, one.high_hz)
        else:
            with pytest.raises(UsageProblemError, match="record it at 16000 Hz or more"):
                check_rate(path, read_wave(path), one.rate, one.high_hz)


@pytest.mark.large
def test_the_commands_train_export_run_and_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    notes(tmp_path / "words", 30)
    write(tmp_path / "word.wav", note(300, 99))
    first, export, run, fixed_point, pack = commands(PAGE)
    # The first command needs the trained weights, which a test does not download.
    for words in ([*first, "--weights", "random"], export, run, fixed_point, export, run, pack):
        capsys.readouterr()
        assert main(words[1:]) == 0
        if words == run:
            assert re.search(r"^\W*\d+\.\d %.*\blow\b", capsys.readouterr().out.split("\n", 1)[1], re.MULTILINE)

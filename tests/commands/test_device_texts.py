"""The programs of a device read and write texts as `zoo run` does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export.cli.main import main

FEW = ("--calibration-count", "8", "--probe-count", "8")


def masked(answer: dict[str, Any]) -> str:
    return f"{answer['places'][0][0]['token']} {answer['places'][0][0]['chance']:.1%}"


def translated(answer: dict[str, Any]) -> str:
    return str(answer["translation"])


def continued(answer: dict[str, Any]) -> str:
    return str(answer["text"])


CASES = [
    (("bert_tiny", "--weights", "tiny"), "what is the [MASK] of it", (), masked),
    (("transformer_dates",), "the third of may two thousand and one", (), translated),
    (("gpt_small",), "ROMEO:", ("--max-tokens", "12", "--temperature", "0"), continued),
]


@pytest.mark.parametrize(("network", "text", "options", "expected"), CASES, ids=[case[0][0] for case in CASES])
def test_a_device_writes_what_zoo_run_writes(
    network: tuple[str, ...],
    text: str,
    options: tuple[str, ...],
    expected: Callable[[dict[str, Any]], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["export", *network, "--int8", *FEW, "--target", "raspberry-pi", "--out", str(tmp_path)]
    assert main(command) == 0
    (packed,) = tmp_path.glob("*-raspberry-pi")
    (folder,) = (path for path in tmp_path.iterdir() if path != packed)
    capsys.readouterr()
    assert main(["run", str(folder), text, *options, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    count = ("--tokens", options[1]) if options else ()
    run, check = (
        subprocess.run(
            [sys.executable, "-E", "-s", "-P", str(packed / words[0]), *words[1:]],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        for words in (("run.py", text, *count), ("selfcheck.py", "--json"))
    )
    assert run.returncode == 0, run.stderr
    assert expected(answer).strip() in run.stdout
    assert check.returncode == 0, check.stderr
    assert [row["state"] for row in json.loads(check.stdout)["files"]] == ["passed", "passed"]

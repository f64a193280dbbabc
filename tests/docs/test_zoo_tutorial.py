"""The tutorial of each task runs for every architecture of that task, in a folder of its own and without a download."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import zoo
from tests.typed_lines import statements
from tests.zoo.families import photo_networks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zoo_tutorial.md"
NAME = re.compile(r'^NAME = "(.*?)"$', re.MULTILINE)
# Scores that an untrained network does not reach: accuracy for three photos, mean IoU of two classes, PSNR in dB, AP50.
THRESHOLDS = {"accuracy": 0.5, "mean IoU": 0.5, "PSNR": 15, "AP50": 0.5}
TEXTS = "encoding"  # the task of the default build of the network that the script about texts trains


def scripts() -> dict[str, str]:
    """Return the script of each task."""
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return {zoo.find(NAME.findall(code)[0]).task: code for code in found}


def test_there_is_one_script_for_each_task() -> None:
    assert set(scripts()) == {TEXTS, *(zoo.find(name).task for name in photo_networks())}
    for task, code in scripts().items():
        assert "fit(" in code
        assert ("found_share(" if task == TEXTS else "evaluate(") in code
        assert re.search(r"\brun\(\s*recipe\b", code)
        assert statements(code) == len(ast.parse(code).body)  # pasted into the prompt of Python


@pytest.mark.parametrize(
    "name", [name if name == "lenet5" else pytest.param(name, marks=pytest.mark.large) for name in photo_networks()]
)
def test_the_tutorial_trains_the_network_and_its_files_are_proven(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = NAME.sub(f'NAME = "{name}"', scripts()[zoo.find(name).task])
    exec(compile(code, name, "exec"), {})
    printed = capsys.readouterr().out
    (found,) = re.findall(r"^(accuracy|mean IoU|PSNR|AP50): (\S+)", printed, re.MULTILINE)
    assert float(found[1]) > THRESHOLDS[found[0]]
    assert "proven: True" in printed
    assert f"small_{name}-float32" in printed


def test_the_tutorial_about_texts_finds_more_hidden_tokens_and_its_files_are_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(scripts()[TEXTS], TEXTS, "exec"), {})
    shares = dict(re.findall(r"^found (before|after): (\S+)", capsys.readouterr().out, re.MULTILINE))
    assert float(shares["before"]) > 0.2
    assert float(shares["after"]) > float(shares["before"]) + 0.03
    assert len(list((tmp_path / "artifacts" / "twelfth_night").glob("*-int8_dynamic.*"))) == 2

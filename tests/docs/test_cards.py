"""The tutorial on every card runs, in a folder of its own and without a download."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import zoo

CARDS = Path(zoo.__file__).parent / "cards"
# What a network that learnt nothing does not reach: the share of three photos, of two classes of pixels, grey in dB.
BARS = {"right": 0.5, "mean IoU": 0.5, "PSNR": 15, "AP50": 0.5}


def tutorial(name: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", (CARDS / f"{name}.md").read_text(encoding="utf-8"), re.DOTALL)
    return code


@pytest.mark.parametrize("name", zoo.names())
def test_every_card_has_a_tutorial_of_its_own_network(name: str) -> None:
    code = tutorial(name)
    compile(code, name, "exec")
    assert set(re.findall(r"zoo\.find\(\"(.*?)\"\)", code)) == {name}
    assert "fit(" in code
    assert "evaluate(" in code
    assert "run(recipe" in code


@pytest.mark.parametrize(
    "name", [name if name == "lenet5" else pytest.param(name, marks=pytest.mark.large) for name in zoo.names()]
)
def test_the_tutorial_learns_and_its_files_are_proven(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(tutorial(name), name, "exec"), {})
    printed = capsys.readouterr().out
    (said,) = re.findall(r"(right|mean IoU|PSNR|AP50): (\S+)", printed)
    assert float(said[1]) > BARS[said[0]]
    assert "proven: True" in printed

"""The origin of the weights in the table, the manifest and the report."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

Export = tuple[Path, subprocess.CompletedProcess[str]]


def test_weights_file_is_named_without_folder_and_assumed_to_be_trained(second_export: Export) -> None:
    out, result = second_export
    assert "weights: mine.weights.h5, assumed to be trained" in result.stdout.splitlines()
    written = out / "lenet5"
    assert json.loads((written / "manifest.json").read_text())["weights"]["name"] == "mine.weights.h5"
    for name in ("manifest.json", "report.html"):
        assert "secret place" not in (written / name).read_text()


def test_weights_of_the_zoo_keep_their_licence_without_a_warning(first_export: Export) -> None:
    weights = json.loads(first_export[1].stdout)["weights"]
    assert weights["licence"] == "Apache-2.0"
    assert not weights["taken_as_trained"]

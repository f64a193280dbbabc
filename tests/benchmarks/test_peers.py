"""Every peer of the project's own environment, end to end, and peers that fail."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import split
from benchmarks.peers.__main__ import ROOT, main, trained
from benchmarks.peers.environment import requirements
from benchmarks.peers.judging import kept_row, peer_row
from benchmarks.peers.network import Network
from benchmarks.peers.registry import PEERS, Peer

OWN = [peer for peer in PEERS if peer.environment is None]


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param(
            peer,
            id=f"{peer.tool} {' '.join(peer.settings.values())}",
            marks=pytest.mark.large if peer.tool == "tflite-converter" else (),
        )
        for peer in OWN
    ],
)
def test_peer_of_our_environment_is_scored_and_kept(peer: Peer, network: Network, tmp_path: Path) -> None:
    row = peer_row(peer, network, tmp_path)
    assert row.reason == ""
    assert row.score is not None
    assert row.spent is not None
    assert row.score.same_prediction > 0.9
    assert 12 < row.score.sqnr_db < 60
    assert row.score.integer_share == 1
    assert row.file_bytes < network.floats[peer.writes].stat().st_size / 2
    assert all(row.versions.values())
    assert kept_row(peer, network, tmp_path) == row


def test_every_tool_that_needs_its_own_environment_pins_every_version() -> None:
    for name in {peer.environment for peer in PEERS if peer.environment}:
        lines = requirements(name).split()
        assert all(line.count("==") == 1 for line in lines)
        pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
        needed = {tool for peer in PEERS if peer.environment == name for tool in peer.distributions}
        assert needed <= pinned


WRONG = {
    "raises": ("raise ValueError('this network is not for me')", "ValueError: this network is not for me"),
    "dies": ("import os; os.kill(os.getpid(), 11)", "the process crashed (SIGSEGV)"),
    "exits": ("raise SystemExit(3)", "the process ended with code 3"),
    "is silent": ("pass", "it wrote no file"),
    "writes rubbish": ("out.write_bytes(b'rubbish')", "the runtime failed"),
    "needs what is missing": ("import no_such_tool", "ModuleNotFoundError: No module named 'no_such_tool'"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_peer_that_fails_is_a_row_with_its_reason(
    wrong: str, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, reason = WRONG[wrong]
    (tmp_path / "wrong.py").write_text(f"def quantize(float_file, samples, out):\n    {body}\n")
    monkeypatch.setattr("benchmarks.peers.registry.TOOLS", tmp_path)
    row = peer_row(made("wrong.py"), network, tmp_path)
    assert row.score is None
    assert row.reason.startswith(reason)
    assert str(tmp_path) not in row.reason


def test_environment_that_cannot_be_built_is_a_row_and_is_tried_again(network: Network, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder of environments should be")
    peer = next(peer for peer in PEERS if peer.environment)
    row = peer_row(peer, network, blocked)
    assert row.reason.startswith("its environment cannot be made: ")
    assert str(tmp_path) not in row.reason
    assert row.spent is None
    assert kept_row(peer, network, blocked) is None


def test_kept_row_is_not_used_for_other_data_settings_or_versions(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copies.py").write_text(
        "def quantize(float_file, samples, out):\n    out.write_bytes(float_file.read_bytes())\n"
    )
    monkeypatch.setattr("benchmarks.peers.registry.TOOLS", tmp_path)
    peer = made("copies.py")
    row = peer_row(peer, network, tmp_path)
    assert row.score is not None
    assert (row.score.same_prediction, row.score.integer_share) == (1, 0)
    assert kept_row(peer, network, tmp_path) == row
    other = tmp_path / "other.npy"
    np.save(other, np.load(network.calibration_inputs)[:-1])
    assert kept_row(peer, replace(network, calibration_inputs=other), tmp_path) is None
    assert kept_row(peer, replace(network, digests={".tflite": "another"}), tmp_path) is None
    assert kept_row(replace(peer, settings={"preset": "MIXED"}), network, tmp_path) is None
    assert kept_row(replace(peer, distributions=("onnx",)), network, tmp_path) is None


def test_every_tenth_photo_calibrates_and_the_others_evaluate(tmp_path: Path) -> None:
    sample, work = tmp_path / "sample", tmp_path / "work"
    (sample / "images").mkdir(parents=True)
    work.mkdir()
    names = [f"{index:02}.png" for index in range(25)]
    for name in names:
        (sample / "images" / name).write_text(name)
    rows = "".join(f"{name},{index}\n" for index, name in enumerate(names))
    (sample / "labels.csv").write_text(f"file,class_index\n{rows}")
    calibration, rest = split(sample, work)
    with rest.open() as file:
        judging = [Path(row["file"]).name for row in csv.DictReader(file)]
    assert sorted(path.name for path in calibration.iterdir()) == ["00.png", "10.png", "20.png"]
    assert judging == [name for name in names if name not in ("00.png", "10.png", "20.png")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tools", "nncf,magic"], "no tool magic; there are zoo-export, tflite-converter"),
        (["--photos", "no-such-folder"], "to a folder with labels.csv and images/"),
        (["--models", "mobilnet"], "did you mean 'mobilenet'"),
    ],
)
def test_command_says_what_to_type_before_any_work(words: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").touch()
    with pytest.raises(SystemExit) as ended:
        main(["--photos", str(tmp_path), "--page", str(tmp_path / "page.md"), *words])
    assert str(ended.value.code).startswith("error: ")
    assert says in str(ended.value.code)
    assert not (tmp_path / "page.md").exists()


@pytest.mark.imagenet
def test_page_has_a_table_for_every_network_with_trained_weights() -> None:
    text = (ROOT / "docs" / "int8_accuracy.md").read_text(encoding="utf-8")
    assert [name for name in trained() if f"<!-- peers: {name} -->" not in text] == []


def made(script: str) -> Peer:
    return Peer(tool="made", title="made", script=script, reads=".tflite", writes=".tflite", distributions=("numpy",))

"""The files that were asked for keep the budget, each of them; a file that cannot be delivered is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from export.analysis.budget.candidates import Candidates
from export.analysis.budget.limits import keeps
from export.analysis.budget.point import Point
from export.analysis.budget.run import _better, find_file
from export.analysis.budget.search import Search
from export.formats import FORMATS
from export.proof.prove import prove_all
from export.quantization.build import float_files, quantized_files
from export.quantization.export_run import ExportRun
from export.recipe import Budget, Preset, Width
from export.scheme import FLOAT16, FLOAT32, INT8, W8A32, Scheme
from tests.faults.networks import Network, networks

LOUD = 2.0**20  # weights of so much are no numbers of float16


@dataclass
class Steps:
    """Progress that remembers."""

    steps: list[str] = field(default_factory=list)

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        self.steps.append(what)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return networks(tmp_path_factory.mktemp("formats"))["lenet5"]


def budgeted(network: Network, folder: str, formats: tuple[str, ...], **more: Any) -> ExportRun:
    settings = {"reconstruct": False, "schemes": (INT8,), **more}
    return replace(network.run(network.model, folder, formats=formats, **settings), progress=Steps())


@pytest.fixture(scope="module")
def candidates(network: Network) -> Candidates:
    run = budgeted(network, "both", ())
    return Candidates(run, float_files(run), network.expected, photos=None)


def sizes(candidates: Candidates, scheme: Scheme) -> dict[str, int]:
    return {name: candidates.measure(scheme, {}, file_format).bytes for name, file_format in FORMATS.items()}


@pytest.mark.parametrize("kind", FORMATS)
def test_file_must_meet_the_budget_in_every_requested_format(kind: str, candidates: Candidates) -> None:
    limit = max(sizes(candidates, INT8).values())
    points = {
        key: replace(point, bytes=limit + 1) if key[0] == kind else point
        for key, point in candidates.points.items()
        if key[1:] == (INT8, ())
    }
    planted = replace(candidates, points=points)
    assert Search(candidates, Budget(max_bytes=limit)).holds(candidates.measure(INT8))
    assert not Search(planted, Budget(max_bytes=limit)).holds(planted.measure(INT8))


@pytest.mark.parametrize("kind", FORMATS)
def test_only_requested_formats_are_measured(kind: str, network: Network, candidates: Candidates) -> None:
    found = sizes(candidates, INT8)
    budget = Budget(max_bytes=found[kind], widths=(Width.W8A32,))
    run = budgeted(network, f"only-{kind}", (kind,), budget=budget)
    floats = float_files(run)
    result = find_file(run, floats, network.expected, None)
    assert result.chosen.format == kind
    assert result.chosen.bytes <= found[kind]
    assert {point.format for point in result.points} == {kind}
    best = max(point.sqnr_db for point in result.points if point.bytes <= found[kind])
    assert result.chosen.sqnr_db >= best - 0.5
    decided = replace(run, recipe=result.recipe)
    files = quantized_files(decided, floats, result.base, known=result.files)
    artifact = prove_all(decided, files, result.base, network.expected)[kind, result.chosen.scheme].artifact
    assert (artifact.failures, len(artifact.content)) == ((), result.chosen.bytes)


def test_float_file_is_converted_once_for_all_candidates(candidates: Candidates) -> None:
    for number in (1, 2, 3):
        candidates.measure(INT8, dict.fromkeys(("c3", "c5", "f6")[:number], Width.W8A32), FORMATS["onnx"])
    assert isinstance(candidates.run.progress, Steps)
    steps = Counter(candidates.run.progress.steps)
    assert steps["convert to .onnx"] == steps["convert to .tflite"] == 1
    assert steps["observe the ranges"] == 1


def test_precision_that_overflows_is_skipped(network: Network) -> None:
    loud = network.build()
    first, second = loud.get_layer("c1"), loud.get_layer("c3")
    first.set_weights([values * LOUD for values in first.get_weights()])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / LOUD, bias])
    run = network.run(loud, "loud", formats=("tflite",), reconstruct=False, budget=Budget(max_bytes=10**9))
    candidates = Candidates(run, float_files(run), network.expected, photos=None)
    for budget in (Budget(max_bytes=10**9), Budget(preset=Preset.QUALITY)):
        chosen = Search(candidates, budget).chosen()
        assert chosen.scheme in (FLOAT32, W8A32)
    assert FLOAT16 not in {point.scheme for point in candidates.points.values()}


def test_a_mixed_file_is_held_against_whatever_keeps_the_budget_in_no_more_bytes_and_time(
    candidates: Candidates,
) -> None:
    search = Search(candidates, Budget(max_drop=0.5))
    w8a32 = candidates.measure(W8A32)
    mixed = replace(candidates.measure(INT8), raised={"c3": Width.W8A32}, bytes=w8a32.bytes + 1, p50_ms=100.0)
    slow = replace(w8a32, p50_ms=1000.0)
    assert keeps(w8a32, search.budget)
    assert _better(search, mixed, [slow, mixed, w8a32]) is w8a32
    assert _better(search, mixed, [slow, mixed]) is None
    assert _better(search, replace(mixed, bytes=w8a32.bytes - 1), [w8a32]) is None
    assert _better(search, replace(mixed, raised={}), [w8a32]) is None
    assert _better(Search(candidates, Budget(max_bytes=10**9)), mixed, [w8a32]) is None


def test_files_are_timed_again_before_a_preset_chooses(candidates: Candidates) -> None:
    key = next(key for key in candidates.points if key[:2] == ("tflite", W8A32))
    candidates.points[key] = replace(candidates.points[key], p50_ms=1e6)  # the machine stood still
    chosen = Search(candidates, Budget(preset=Preset.COMPACT)).chosen()
    assert candidates.points[key].p50_ms < 1e6
    inside: list[Point] = [point for point in candidates.points.values() if point.format == "tflite"]
    assert chosen in inside


def test_only_float32_layers_are_tried_with_float32_weights(network: Network) -> None:
    budget = Budget(max_drop=0.0, widths=(Width.FLOAT32,))
    run = network.run(network.model, "float-only", formats=("tflite",), schemes=(INT8,), budget=budget)
    floats = float_files(run)
    candidates = Candidates(run, floats, network.expected, photos=None)
    raised = dict.fromkeys(("c1", "c3", "c5", "f6", "logits"), Width.FLOAT32)
    chosen = candidates.measure(INT8, raised)
    assert chosen.sqnr_db > 70
    decided = replace(run, recipe=replace(run.recipe, raised=raised))
    base = candidates.base(raised, with_map=True)
    files = quantized_files(decided, floats, base, known=candidates.files_of(chosen))
    artifact = prove_all(decided, files, base, network.expected)["tflite", INT8].artifact
    assert artifact.failures == ()
    assert len(artifact.content) == chosen.bytes

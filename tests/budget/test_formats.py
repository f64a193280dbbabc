"""The files that were asked for keep the budget, each of them; a file that cannot be delivered is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from export.analysis.budget.candidates import Trials
from export.analysis.budget.limits import keeps
from export.analysis.budget.point import Point
from export.analysis.budget.run import _better, settle
from export.analysis.budget.search import Choosing
from export.formats import FORMATS
from export.proof.prove import Assembly
from export.recipe import Budget, Precision, Preset, Width
from tests.faults.networks import Network, networks

LOUD = 2.0**20  # weights of so much are no numbers of float16


@dataclass
class Told:
    """Progress that remembers."""

    steps: list[str] = field(default_factory=list)

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        self.steps.append(what)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return networks(tmp_path_factory.mktemp("formats"))["lenet5"]


def assembly(network: Network, folder: str, formats: tuple[str, ...]) -> Assembly:
    made = network.assembly(network.model, folder, formats=formats)
    made.making.recipe = replace(made.making.recipe, reconstruct=False, precisions=(Precision.INT8,))
    made.making.progress = Told()
    return made


@pytest.fixture(scope="module")
def both(network: Network) -> Assembly:
    return assembly(network, "both", ())


@pytest.fixture(scope="module")
def trials(both: Assembly) -> Trials:
    return Trials(both.making, both.expected, photos=None)


def sizes(trials: Trials, precision: Precision) -> dict[str, int]:
    return {name: trials.point(precision, {}, file_format).bytes for name, file_format in FORMATS.items()}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_exceeds_the_budget_in_one_asked_format_does_not_keep_it(kind: str, trials: Trials) -> None:
    limit = max(sizes(trials, Precision.INT8).values())
    points = {
        key: replace(point, bytes=limit + 1) if key[0] == kind else point
        for key, point in trials.points.items()
        if key[1:] == (Precision.INT8, ())
    }
    planted = replace(trials, points=points)
    assert Choosing(trials, Budget(max_bytes=limit)).holds(trials.point(Precision.INT8))
    assert not Choosing(planted, Budget(max_bytes=limit)).holds(planted.point(Precision.INT8))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_asked_format_decides_alone(kind: str, network: Network, trials: Trials) -> None:
    found = sizes(trials, Precision.INT8)
    one = assembly(network, f"only-{kind}", (kind,))
    one.making.recipe = replace(one.making.recipe, budget=Budget(max_bytes=found[kind], widths=(Width.W8A32,)))
    settled = settle(one.making, one.expected, None)
    assert settled.chosen.format == kind
    assert settled.chosen.bytes <= found[kind]
    assert {point.format for point in settled.points} == {kind}
    best = max(point.sqnr_db for point in settled.points if point.bytes <= found[kind])
    assert settled.chosen.sqnr_db >= best - 0.5
    (artifact,) = (file for file in one.artifacts() if file.precision is settled.chosen.precision)
    assert (artifact.failures, len(artifact.content)) == ((), settled.chosen.bytes)


def test_the_float_file_is_converted_once_for_all_that_is_tried(both: Assembly, trials: Trials) -> None:
    for number in (1, 2, 3):
        trials.point(Precision.INT8, dict.fromkeys(("c3", "c5", "f6")[:number], Width.W8A32), FORMATS["onnx"])
    assert isinstance(both.making.progress, Told)
    steps = Counter(both.making.progress.steps)
    assert steps["convert to .onnx"] == steps["convert to .tflite"] == 1


def test_a_precision_whose_numbers_overflow_is_left_out(network: Network) -> None:
    made = network.assembly(network.model, "loud", formats=("tflite",))
    loud = network.build()
    first, second = loud.get_layer("c1"), loud.get_layer("c3")
    first.set_weights([values * LOUD for values in first.get_weights()])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / LOUD, bias])
    made.making.subject = replace(made.making.subject, model=loud)
    made.making.recipe = replace(made.making.recipe, reconstruct=False)
    trials = Trials(made.making, made.expected, photos=None)
    for budget in (Budget(max_bytes=10**9), Budget(preset=Preset.QUALITY)):
        chosen = Choosing(trials, budget).chosen()
        assert chosen.precision in (Precision.FLOAT32, Precision.W8A32)
    assert Precision.FLOAT16 not in {point.precision for point in trials.points.values()}


def test_a_mixed_file_is_held_against_whatever_keeps_the_budget_in_no_more_bytes_and_time(trials: Trials) -> None:
    choosing = Choosing(trials, Budget(max_drop=0.5))
    w8a32 = trials.point(Precision.W8A32)
    mixed = replace(trials.point(Precision.INT8), raised={"c3": Width.W8A32}, bytes=w8a32.bytes + 1, p50_ms=100.0)
    slow = replace(w8a32, p50_ms=1000.0)
    assert keeps(w8a32, choosing.budget)
    assert _better(choosing, mixed, [slow, mixed, w8a32]) is w8a32
    assert _better(choosing, mixed, [slow, mixed]) is None
    assert _better(choosing, replace(mixed, bytes=w8a32.bytes - 1), [w8a32]) is None
    assert _better(choosing, replace(mixed, raised={}), [w8a32]) is None
    assert _better(Choosing(trials, Budget(max_bytes=10**9)), mixed, [w8a32]) is None


def test_a_file_that_was_slow_once_is_timed_again_before_one_is_named(trials: Trials) -> None:
    key = next(key for key in trials.points if key[:2] == ("tflite", Precision.W8A32))
    trials.points[key] = replace(trials.points[key], p50_ms=1e6)  # the machine stood still
    chosen = Choosing(trials, Budget(preset=Preset.COMPACT)).chosen()
    assert trials.points[key].p50_ms < 1e3
    inside: list[Point] = [point for point in trials.points.values() if point.format == "tflite"]
    assert chosen in inside


@pytest.mark.parametrize("kind", ["tflite"])
def test_float32_layers_alone_are_tried_with_weights_of_their_own(kind: str, network: Network, tmp_path: Path) -> None:
    made = network.assembly(network.model, "float-only", formats=(kind,))
    budget = Budget(max_drop=0.0, widths=(Width.FLOAT32,))
    made.making.recipe = replace(made.making.recipe, precisions=(Precision.INT8,), budget=budget)
    trials = Trials(made.making, made.expected, photos=None)
    raised = dict.fromkeys(("c1", "c3", "c5", "f6", "logits"), Width.FLOAT32)
    chosen = trials.point(Precision.INT8, raised)
    assert chosen.sqnr_db > 70
    trials.settle(chosen)
    artifact = Assembly(made.making, made.expected).artifact(FORMATS[kind], Precision.INT8)
    assert artifact.failures == ()
    assert len(artifact.content) == chosen.bytes

"""Every requested file meets the budget; a file that cannot be delivered is not chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from export.analysis.budget.best_file import best_file
from export.analysis.budget.candidates import SearchInputs, measured
from export.analysis.budget.limits import keeps
from export.analysis.budget.point import Point
from export.analysis.budget.run import _better, delivered_points, files_of, find_file
from export.analysis.budget.search import Search
from export.formats import FORMATS
from export.proof.prove import prove_all
from export.quantization.build import float_files, quantized_files
from export.quantization.described import described
from export.quantization.export_run import ExportRun
from export.quantization.memo import Memo
from export.recipe import Budget, Preset, Width
from export.scheme import FLOAT16, FLOAT32, INT8, W8A32, Scheme
from tests.faults.networks import Network, networks
from zoo.errors import CheckFailedError

LOUD = 2.0**20  # weights of this size overflow float16


@dataclass
class Steps:
    """Progress that records its steps."""

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
def search(network: Network) -> Search:
    """A search without limits; those of the tests share its files."""
    return unlimited(network, budgeted(network, "both", ()))


def unlimited(network: Network, run: ExportRun) -> Search:
    inputs = SearchInputs(run=run, floats=float_files(run), expected=network.expected, photos=None)
    return Search(inputs, Budget(), Memo())


class Planted(Memo):
    """A memo whose measurements `plant` has changed."""

    def __init__(self, plant: Callable[[Point], Point]) -> None:
        super().__init__()
        self.plant = plant

    def __call__(self, function: Any, *arguments: Any) -> Any:
        return super().__call__(self.wrong if function is measured else function, *arguments)

    def results(self, function: Any) -> Mapping[tuple[Any, ...], Any]:
        return super().results(self.wrong if function is measured else function)

    def wrong(self, *arguments: Any) -> Point:
        return self.plant(measured(*arguments))


def sizes(search: Search, scheme: Scheme) -> dict[str, int]:
    return {name: search.point(scheme, {}, file_format).bytes for name, file_format in FORMATS.items()}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_budget_must_be_met_in_every_requested_format(kind: str, network: Network, search: Search) -> None:
    limit = max(sizes(search, INT8).values())
    limited = replace(search, budget=Budget(max_bytes=limit))
    larger = Planted(lambda point: replace(point, bytes=limit + 1) if point.format == kind else point)
    planted = replace(unlimited(network, budgeted(network, f"larger-{kind}", ())), budget=limited.budget, once=larger)
    assert limited.holds(limited.point(INT8))
    assert not planted.holds(planted.point(INT8))


@pytest.mark.large
@pytest.mark.parametrize("kind", FORMATS)
def test_only_requested_formats_count(kind: str, network: Network, search: Search) -> None:
    found = sizes(search, INT8)
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
    files = described(decided, quantized_files(decided, floats, result.bases, known=result.files))
    artifact = prove_all(decided, files, result.bases, network.expected)[kind, result.chosen.scheme].artifact
    assert (artifact.failures, len(artifact.content)) == ((), result.chosen.bytes)


def test_the_float_file_is_converted_once_for_all_candidates(search: Search) -> None:
    for number in (1, 2, 3):
        search.point(INT8, dict.fromkeys(("c3", "c5", "f6")[:number], Width.W8A32), FORMATS["onnx"])
    assert isinstance(search.inputs.run.progress, Steps)
    steps = Counter(search.inputs.run.progress.steps)
    assert steps["convert to .onnx"] == steps["convert to .tflite"] == 1
    assert steps["observe the ranges"] == 1


@pytest.mark.large
def test_a_scheme_that_overflows_is_skipped(network: Network) -> None:
    loud = network.build()
    first, second = loud.get_layer("c1"), loud.get_layer("c3")
    first.set_weights([values * LOUD for values in first.get_weights()])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / LOUD, bias])
    run = network.run(loud, "loud", formats=("tflite",), reconstruct=False, budget=Budget(max_bytes=10**9))
    search = unlimited(network, run)
    for budget in (Budget(max_bytes=10**9), Budget(preset=Preset.QUALITY)):
        chosen = best_file(replace(search, budget=budget)).chosen
        assert chosen.scheme in (FLOAT32, W8A32)
    assert FLOAT16 not in {point.scheme for point in search.measured()}


def test_a_mixed_file_is_compared_with_every_smaller_and_faster_file_within_the_budget(search: Search) -> None:
    search = replace(search, budget=Budget(max_drop=0.5))
    w8a32 = search.point(W8A32)
    mixed = replace(search.point(INT8), raised={"c3": Width.W8A32}, bytes=w8a32.bytes + 1, p50_ms=100.0)
    slow = replace(w8a32, p50_ms=1000.0)
    assert keeps(w8a32, search.budget)
    assert _better(search, mixed, [slow, mixed, w8a32]) is w8a32
    assert _better(search, mixed, [slow, mixed]) is None
    assert _better(search, replace(mixed, bytes=w8a32.bytes - 1), [w8a32]) is None
    assert _better(search, replace(mixed, raised={}), [w8a32]) is None
    assert _better(replace(search, budget=Budget(max_bytes=10**9)), mixed, [w8a32]) is None


def test_a_slow_measurement_is_repeated_before_the_choice(network: Network) -> None:
    stood_still = Planted(lambda point: replace(point, p50_ms=1e6) if point.scheme == W8A32 else point)
    search = unlimited(network, budgeted(network, "slow", ("tflite",)))
    search = replace(search, budget=Budget(preset=Preset.COMPACT), once=stood_still)
    found = best_file(search)
    points = delivered_points(search, found)
    assert {point.p50_ms for point in search.measured() if point.scheme == W8A32} == {1e6}
    assert max(point.p50_ms for point in points) < 1e6
    assert any(point is found.chosen for point in points)


@pytest.mark.large
def test_a_preset_excludes_points_that_another_format_cannot_deliver(network: Network) -> None:
    run = budgeted(network, "undelivered", ())

    def compact_in_one_format(point: Point) -> Point:
        if point.scheme != INT8 or point.raised:
            return point
        if point.format == "onnx":
            raise CheckFailedError("NaN")
        return replace(point, bytes=1)

    search = replace(unlimited(network, run), budget=Budget(preset=Preset.COMPACT), once=Planted(compact_in_one_format))
    found = best_file(search)
    points = delivered_points(search, found)
    assert [point.label for point in found.excluded] == ["int8"]
    assert "int8" in {point.label for point in search.measured()}
    assert "int8" not in {point.label for point in points}
    assert any(point is found.chosen for point in points)


def test_only_float32_layers_use_original_weights(network: Network) -> None:
    budget = Budget(max_drop=0.0, widths=(Width.FLOAT32,))
    run = network.run(network.model, "float-only", formats=("tflite",), schemes=(INT8,), budget=budget)
    search = unlimited(network, run)
    raised = dict.fromkeys(("c1", "c3", "c5", "f6", "logits"), Width.FLOAT32)
    chosen = search.point(INT8, raised)
    assert chosen.sqnr_db > 70
    decided = replace(run, recipe=replace(run.recipe, raised=raised))
    bases = {INT8.weight_bits: search.base(INT8.weight_bits, raised)}
    built = quantized_files(decided, search.inputs.floats, bases, known=files_of(chosen, search.once))
    files = described(decided, built)
    artifact = prove_all(decided, files, bases, network.expected)["tflite", INT8].artifact
    assert artifact.failures == ()
    assert len(artifact.content) == chosen.bytes

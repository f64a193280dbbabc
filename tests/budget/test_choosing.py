"""On a trained network: the ranking finds the costly layers, the search raises few, and the checks catch faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from export.analysis.budget import candidates, checks
from export.analysis.budget.best_file import SAME_DB, best_file
from export.analysis.budget.candidates import SearchInputs
from export.analysis.budget.fewest_layers import fewest_layers
from export.analysis.budget.front import QUALITY_SQNR_DB
from export.analysis.budget.limits import keeps
from export.analysis.budget.point import Point
from export.analysis.budget.result import BudgetResult
from export.analysis.budget.run import find_file
from export.analysis.budget.search import Search, allowed_widths
from export.proof.artifact import Artifact
from export.proof.prove import prove_all
from export.quantization import build, integer_base
from export.quantization.build import MadeFile, bases_of, float_files, quantized_files
from export.quantization.described import described
from export.quantization.export_run import ExportRun
from export.quantization.memo import Memo
from export.quantization.requested import Key
from export.recipe import Budget, Preset, Width
from export.scheme import FLOAT32, INT8, W8A32
from tests.faults.networks import Network, networks

SMALLEST = 0.0  # no prediction may change
# Without the passes that keep the accuracy int8 changes predictions.
ROUGH: dict[str, Any] = {"reconstruct": False, "observer": "min-max"}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """MobileNet v1, small, trained on photos of clothes."""
    return networks(tmp_path_factory.mktemp("budget"))["mobilenet_tiny"]


@pytest.fixture(scope="module")
def run(network: Network) -> ExportRun:
    """Its export in one format."""
    return network.run(network.model, "tried", formats=("tflite",), schemes=(INT8,), **ROUGH)


@pytest.fixture(scope="module")
def floats(run: ExportRun) -> Mapping[Key, MadeFile]:
    return float_files(run)


@pytest.fixture(scope="module")
def search(network: Network, run: ExportRun, floats: Mapping[Key, MadeFile]) -> Search:
    """A search without limits; those of the tests share its files."""
    inputs = SearchInputs(run=run, floats=floats, expected=network.expected, photos=None)
    return Search(inputs, Budget(), Memo())


@pytest.fixture(scope="module")
def artifact(network: Network, run: ExportRun, floats: Mapping[Key, MadeFile]) -> Artifact:
    """The int8 file, proven."""
    bases = bases_of(run, floats)
    files = quantized_files(run, floats, bases)
    return prove_all(run, files, bases, network.expected)["tflite", INT8].artifact


@pytest.fixture(scope="module")
def fewest(search: Search) -> tuple[Search, Point]:
    limited = replace(search, budget=Budget(max_drop=SMALLEST, widths=(Width.W8A32,)))
    return limited, fewest_layers(limited).chosen


def test_the_fewest_layers_are_kept_in_higher_precision_that_meet_max_drop(fewest: tuple[Search, Point]) -> None:
    search, chosen = fewest
    assert not keeps(search.point(INT8), search.budget)
    assert keeps(chosen, search.budget)
    one_less = dict(list(chosen.raised.items())[:-1])
    assert not keeps(search.point(INT8, one_less), search.budget)


def test_ranking_starts_with_the_largest_contributions(search: Search) -> None:
    ranking = [contribution.layer for contribution in search.ranking()]
    shares = [contribution.share for contribution in search.ranking()]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    first, last = (
        search.point(INT8, dict.fromkeys(layers, Width.W8A32)).sqnr_db for layers in (ranking[:3], ranking[-3:])
    )
    assert first - last >= 3  # measured 4.7 dB


def test_the_best_file_within_the_size_is_chosen(search: Search) -> None:
    limit = search.point(INT8).bytes + 2000
    chosen = best_file(replace(search, budget=Budget(max_bytes=limit))).chosen
    inside = [point for point in search.measured() if point.bytes <= limit]
    assert chosen.bytes <= limit
    assert chosen.sqnr_db >= max(point.sqnr_db for point in inside) - SAME_DB
    assert chosen.sqnr_db > search.point(INT8).sqnr_db


def test_budget_determines_the_precision(search: Search) -> None:
    whole = best_file(replace(search, budget=Budget(max_bytes=10**9))).chosen
    assert whole.scheme == FLOAT32
    quality, compact = (
        best_file(replace(search, budget=Budget(preset=preset))).chosen for preset in (Preset.QUALITY, Preset.COMPACT)
    )
    assert quality.sqnr_db >= QUALITY_SQNR_DB
    assert compact.bytes < whole.bytes / 2


def test_layers_with_reconstructed_weights_are_not_stored_as_float32() -> None:
    every, only = Budget(max_drop=SMALLEST), Budget(max_drop=SMALLEST, widths=(Width.FLOAT32,))
    assert allowed_widths(every, reconstructed=True) == [Width.INT16, Width.W8A32]
    assert allowed_widths(only, reconstructed=True) == [Width.FLOAT32]
    assert allowed_widths(every, reconstructed=False) == list(Width)


def believed(search: Search, chosen: Point, budget: Budget, better: Point | None = None) -> BudgetResult:
    return BudgetResult(
        budget=budget,
        chosen=chosen,
        better=better,
        points=(chosen,),
        ranking=(),
        recipe=search.inputs.run.recipe,
        files=(),
        bases={},
    )


@pytest.mark.parametrize(
    ("budget", "quantity"),
    [
        (Budget(max_bytes=1000), "size"),
        (Budget(max_latency_ms=1e-6), "median"),
        (Budget(max_drop=SMALLEST), "changed predictions"),
    ],
)
def test_a_file_over_its_budget_fails_even_if_the_search_accepted_it(
    budget: Budget, quantity: str, artifact: Artifact, search: Search
) -> None:
    result = believed(search, search.point(INT8), budget)
    assert artifact.failures == ()
    (judged,) = checks.judged([artifact], result, None)
    (failed,) = (check for check in judged.checks if not check.passed)
    assert (failed.id, failed.quantity) == ("budget", quantity)


def test_a_mixed_file_that_another_scheme_dominates_fails(artifact: Artifact, search: Search) -> None:
    better = search.point(W8A32)
    result = believed(search, search.point(INT8), Budget(max_drop=0.5), better)
    (judged,) = checks.judged([artifact], result, None)
    assert [check.reason.split(": ")[-1] for check in judged.checks if not check.passed] == ["type --precision w8a32"]


def test_the_export_delivers_the_chosen_file(
    network: Network, run: ExportRun, floats: Mapping[Key, MadeFile], fewest: tuple[Search, Point]
) -> None:
    search, chosen = fewest
    again = run.work / "again"
    again.mkdir()
    limited = replace(run, recipe=replace(run.recipe, budget=search.budget), work=again)
    result = find_file(limited, floats, network.expected, None)
    assert result.chosen.raised == chosen.raised == result.recipe.raised
    decided = replace(limited, recipe=result.recipe)
    files = quantized_files(decided, floats, result.bases, known=result.files)
    assert files["tflite", INT8] in result.files
    artifact = prove_all(decided, described(decided, files), result.bases, network.expected)["tflite", INT8].artifact
    assert artifact.failures == ()
    assert artifact.raised == chosen.raised
    assert len(artifact.content) == chosen.bytes


@pytest.mark.large
def test_every_file_is_built_and_measured_once_and_every_base_once(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[Any] = Counter()

    def counted(module: ModuleType, name: str, key: Callable[..., Any]) -> None:
        function = getattr(module, name)

        def call(*arguments: Any, **more: Any) -> Any:
            calls[name, key(*arguments)] += 1
            return function(*arguments, **more)

        monkeypatch.setattr(module, name, call)

    for module in (build, candidates):
        counted(module, "quantized", lambda _run, key, raised, *_others: (key, tuple(raised.items())))
    counted(candidates, "measure", lambda path, _samples: path)
    counted(integer_base, "integer_base", lambda _run, _file, _schemes, bits, kept: (bits, kept))
    counted(integer_base, "mapped", lambda _model, file, _samples: id(file))
    budget = Budget(max_drop=SMALLEST, widths=(Width.W8A32, Width.FLOAT32))
    run = network.run(network.model, "once", schemes=(INT8,), budget=budget, **ROUGH)
    floats = float_files(run)
    result = find_file(run, floats, network.expected, None)
    quantized_files(replace(run, recipe=result.recipe), floats, result.bases, known=result.files)
    assert result.chosen.raised
    assert {name for name, _ in calls} == {"quantized", "measure", "integer_base", "mapped"}
    assert [call for call, count in calls.items() if count > 1] == []


def test_the_confidence_bound_of_a_share_is_wider_with_few_samples() -> None:
    assert checks.resolution(64) == "one of 64 samples is 1.6 %"
    assert checks.upper_bound(0.0, 64) == pytest.approx(0.0406, abs=1e-3)
    assert checks.upper_bound(0.0, 1000) < 0.003
    assert checks.upper_bound(1.0, 8) == pytest.approx(1.0)

"""On a trained network: the ranking finds the costly layers, the search the fewest, and the checks any fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from export.analysis.budget import checks
from export.analysis.budget.candidates import Candidates
from export.analysis.budget.front import QUALITY_SQNR_DB
from export.analysis.budget.limits import keeps
from export.analysis.budget.point import Point
from export.analysis.budget.result import BudgetResult
from export.analysis.budget.run import find_file
from export.analysis.budget.search import SAME_DB, Search
from export.passes.integer_model import Reconstruction
from export.proof.artifact import Artifact
from export.proof.prove import prove_all
from export.quantization.build import Key, MadeFile, base_of, float_files, quantized_files
from export.quantization.export_run import ExportRun
from export.recipe import Budget, Preset, Width
from export.scheme import FLOAT32, INT8, W8A32
from tests.faults.networks import Network, networks

SMALLEST = 0.0  # not one answer may change


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """MobileNet v1, small, trained on photos of clothes."""
    return networks(tmp_path_factory.mktemp("budget"))["mobilenet_tiny"]


@pytest.fixture(scope="module")
def run(network: Network) -> ExportRun:
    """Its export in one format, not reconstructed."""
    return network.run(network.model, "tried", formats=("tflite",), reconstruct=False, schemes=(INT8,))


@pytest.fixture(scope="module")
def floats(run: ExportRun) -> Mapping[Key, MadeFile]:
    return float_files(run)


@pytest.fixture(scope="module")
def candidates(network: Network, run: ExportRun, floats: Mapping[Key, MadeFile]) -> Candidates:
    return Candidates(run, floats, network.expected, photos=None)


@pytest.fixture(scope="module")
def artifact(network: Network, run: ExportRun, floats: Mapping[Key, MadeFile]) -> Artifact:
    """The int8 file, proven."""
    base = base_of(run, floats)
    files = quantized_files(run, floats, base)
    return prove_all(run, files, base, network.expected)["tflite", INT8].artifact


@pytest.fixture(scope="module")
def fewest(candidates: Candidates) -> tuple[Search, Point]:
    search = Search(candidates, Budget(max_drop=SMALLEST, widths=(Width.W8A32,)))
    return search, search.chosen()


def test_the_fewest_layers_are_kept_in_higher_precision_that_meet_max_drop(
    fewest: tuple[Search, Point], candidates: Candidates
) -> None:
    search, chosen = fewest
    assert not keeps(candidates.measure(INT8), search.budget)
    assert keeps(chosen, search.budget)
    one_less = dict(list(chosen.raised.items())[:-1])
    assert not keeps(candidates.measure(INT8, one_less), search.budget)


def test_ranking_starts_with_the_largest_contributions(fewest: tuple[Search, Point], candidates: Candidates) -> None:
    ranking = [contribution.layer for contribution in fewest[0].ranking]
    shares = [contribution.share for contribution in fewest[0].ranking]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    first, last = (
        candidates.measure(INT8, dict.fromkeys(layers, Width.W8A32)).sqnr_db for layers in (ranking[:3], ranking[-3:])
    )
    assert first - last >= 3  # measured 4.7 dB


def test_the_best_file_within_the_size_is_chosen(candidates: Candidates) -> None:
    limit = candidates.measure(INT8).bytes + 2000
    chosen = Search(candidates, Budget(max_bytes=limit)).chosen()
    inside = [point for point in candidates.points.values() if point.bytes <= limit]
    assert chosen.bytes <= limit
    assert chosen.sqnr_db >= max(point.sqnr_db for point in inside) - SAME_DB
    assert chosen.sqnr_db > candidates.measure(INT8).sqnr_db


def test_budget_determines_the_precision(candidates: Candidates) -> None:
    whole = Search(candidates, Budget(max_bytes=10**9)).chosen()
    assert whole.scheme == FLOAT32
    quality, compact = (
        Search(candidates, Budget(preset=preset)).chosen() for preset in (Preset.QUALITY, Preset.COMPACT)
    )
    assert quality.sqnr_db >= QUALITY_SQNR_DB
    assert compact.bytes < whole.bytes / 2


def test_layers_with_reconstructed_weights_are_not_stored_as_float32(candidates: Candidates) -> None:
    made = Reconstruction(model=candidates.run.subject.model, records=[], before={}, after={})
    rounded = replace(candidates, bases={frozenset(): replace(candidates.base({}), reconstruction=made)})
    assert Search(rounded, Budget(max_drop=SMALLEST))._widths == [Width.INT16, Width.W8A32]
    only = Budget(max_drop=SMALLEST, widths=(Width.FLOAT32,))
    assert Search(rounded, only)._widths == [Width.FLOAT32]


def believed(candidates: Candidates, chosen: Point, budget: Budget, better: Point | None = None) -> BudgetResult:
    return BudgetResult(
        budget=budget,
        chosen=chosen,
        better=better,
        points=(chosen,),
        ranking=(),
        recipe=candidates.run.recipe,
        files=(),
        base=None,
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
    budget: Budget, quantity: str, artifact: Artifact, candidates: Candidates
) -> None:
    result = believed(candidates, candidates.measure(INT8), budget)
    assert artifact.failures == ()
    (judged,) = checks.judged([artifact], result, None)
    (failed,) = (check for check in judged.checks if not check.passed)
    assert (failed.id, failed.quantity) == ("budget", quantity)


def test_a_mixed_file_that_another_scheme_dominates_fails(artifact: Artifact, candidates: Candidates) -> None:
    better = candidates.measure(W8A32)
    result = believed(candidates, candidates.measure(INT8), Budget(max_drop=0.5), better)
    (judged,) = checks.judged([artifact], result, None)
    assert [check.reason.split(": ")[-1] for check in judged.checks if not check.passed] == ["type --precision w8a32"]


def test_the_export_delivers_the_chosen_file(
    network: Network, run: ExportRun, floats: Mapping[Key, MadeFile], fewest: tuple[Search, Point]
) -> None:
    search, chosen = fewest
    again = run.work / "again"
    again.mkdir()
    asked = replace(run, recipe=replace(run.recipe, budget=search.budget), work=again)
    result = find_file(asked, floats, network.expected, None)
    assert result.chosen.raised == chosen.raised == result.recipe.raised
    decided = replace(asked, recipe=result.recipe)
    files = quantized_files(decided, floats, result.base, known=result.files)
    assert files["tflite", INT8] in result.files
    artifact = prove_all(decided, files, result.base, network.expected)["tflite", INT8].artifact
    assert artifact.failures == ()
    assert artifact.raised == chosen.raised
    assert len(artifact.content) == chosen.bytes


def test_the_confidence_bound_of_a_share_is_wider_with_few_samples() -> None:
    assert checks.resolution(64) == "one of 64 samples is 1.6 %"
    assert checks.upper_bound(0.0, 64) == pytest.approx(0.0406, abs=1e-3)
    assert checks.upper_bound(0.0, 1000) < 0.003
    assert checks.upper_bound(1.0, 8) == pytest.approx(1.0)

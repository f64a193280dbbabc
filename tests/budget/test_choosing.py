"""On a trained network: the ranking finds the costly layers, the search the fewest, and the checks any fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from export.analysis.budget import checks
from export.analysis.budget.candidates import Trials
from export.analysis.budget.front import QUALITY_SQNR_DB
from export.analysis.budget.limits import keeps
from export.analysis.budget.point import Point
from export.analysis.budget.result import Settled
from export.analysis.budget.run import settle
from export.analysis.budget.search import SAME_DB, Choosing
from export.passes.integer_model import Reconstruction
from export.proof.prove import Assembly
from export.recipe import Budget, Precision, Preset, Width
from tests.faults.networks import networks

SMALLEST = 0.0  # not one answer may change


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """MobileNet v1, small, trained on photos of clothes; in one format, and not reconstructed."""
    network = networks(tmp_path_factory.mktemp("budget"))["mobilenet_tiny"]
    made = network.assembly(network.model, "tried", formats=("tflite",))
    made.making.recipe = replace(made.making.recipe, reconstruct=False, precisions=(Precision.INT8,))
    return made


@pytest.fixture(scope="module")
def trials(assembly: Assembly) -> Trials:
    return Trials(assembly.making, assembly.expected, photos=None)


@pytest.fixture(scope="module")
def fewest(trials: Trials) -> tuple[Choosing, Point]:
    choosing = Choosing(trials, Budget(max_drop=SMALLEST, widths=(Width.W8A32,)))
    return choosing, choosing.chosen()


def test_the_fewest_layers_are_raised_that_keep_the_answers(fewest: tuple[Choosing, Point], trials: Trials) -> None:
    choosing, chosen = fewest
    assert not keeps(trials.point(Precision.INT8), choosing.budget)
    assert keeps(chosen, choosing.budget)
    one_less = dict(list(chosen.raised.items())[:-1])
    assert not keeps(trials.point(Precision.INT8, one_less), choosing.budget)


def test_the_ranking_puts_the_costly_layers_first(fewest: tuple[Choosing, Point], trials: Trials) -> None:
    ranking = [contribution.layer for contribution in fewest[0].ranking]
    shares = [contribution.share for contribution in fewest[0].ranking]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    first, last = (
        trials.point(Precision.INT8, dict.fromkeys(layers, Width.W8A32)).sqnr_db
        for layers in (ranking[:3], ranking[-3:])
    )
    assert first - last >= 3  # measured 4.7 dB


def test_the_best_file_of_a_size_is_chosen_and_no_other_fits_better(trials: Trials) -> None:
    limit = trials.point(Precision.INT8).bytes + 2000
    chosen = Choosing(trials, Budget(max_bytes=limit)).chosen()
    inside = [point for point in trials.points.values() if point.bytes <= limit]
    assert chosen.bytes <= limit
    assert chosen.sqnr_db >= max(point.sqnr_db for point in inside) - SAME_DB
    assert chosen.sqnr_db > trials.point(Precision.INT8).sqnr_db


def test_the_precision_follows_from_the_budget(trials: Trials) -> None:
    whole = Choosing(trials, Budget(max_bytes=10**9)).chosen()
    assert whole.precision is Precision.FLOAT32
    quality, compact = (Choosing(trials, Budget(preset=preset)).chosen() for preset in (Preset.QUALITY, Preset.COMPACT))
    assert quality.sqnr_db >= QUALITY_SQNR_DB
    assert compact.bytes < whole.bytes / 2


def test_rounded_weights_are_not_raised_to_float32(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Reconstruction(model=trials.making.subject.model, records=[], before={}, after={})
    monkeypatch.setattr(trials.making, "reconstruction", made)
    assert Choosing(trials, Budget(max_drop=SMALLEST))._widths == [Width.INT16, Width.W8A32]
    only = Budget(max_drop=SMALLEST, widths=(Width.FLOAT32,))
    assert Choosing(trials, only)._widths == [Width.FLOAT32]


@pytest.mark.parametrize(
    ("budget", "quantity"),
    [
        (Budget(max_bytes=1000), "bytes"),
        (Budget(max_latency_ms=1e-6), "ms"),
        (Budget(max_drop=SMALLEST), "% of the answers changed"),
    ],
)
def test_a_file_over_its_budget_is_never_proven_whatever_the_search_believed(
    budget: Budget, quantity: str, assembly: Assembly, trials: Trials
) -> None:
    plain = trials.point(Precision.INT8)
    believed = Settled(budget=budget, chosen=plain, better=None, points=(plain,), ranking=())
    artifacts = [assembly.artifact(file_format, Precision.INT8) for file_format in assembly.formats]
    assert [artifact.failures for artifact in artifacts] == [()]
    (judged,) = checks.judged(artifacts, believed, None)
    (failed,) = (check for check in judged.checks if not check.passed)
    assert (failed.question, failed.quantity) == ("budget", quantity)


def test_a_mixed_file_that_another_precision_beats_is_no_answer(assembly: Assembly, trials: Trials) -> None:
    plain = trials.point(Precision.INT8)
    settled = Settled(
        budget=Budget(max_drop=0.5), chosen=plain, better=trials.point(Precision.W8A32), points=(plain,), ranking=()
    )
    artifacts = [assembly.artifact(file_format, Precision.INT8) for file_format in assembly.formats]
    (judged,) = checks.judged(artifacts, settled, None)
    assert [check.reason.split(": ")[-1] for check in judged.checks if not check.passed] == ["type --precision w8a32"]


def test_the_export_goes_on_with_the_chosen_file(assembly: Assembly, fewest: tuple[Choosing, Point]) -> None:
    chosen = fewest[1]
    making = replace(assembly.making, recipe=replace(assembly.making.recipe, budget=fewest[0].budget))
    making.work.joinpath("again").mkdir()
    making = replace(making, work=making.work / "again", contents=dict(making.contents))
    settled = settle(making, assembly.expected, None)
    assert settled.chosen.raised == chosen.raised == making.recipe.raised
    artifact = Assembly(making, assembly.expected).artifact(assembly.formats[0], Precision.INT8)
    assert artifact.failures == ()
    assert artifact.raised == chosen.raised
    assert len(artifact.content) == chosen.bytes


def test_few_samples_bound_a_share_from_above() -> None:
    assert checks.resolution(64) == "one of 64 samples is 1.6 %"
    assert checks.upper_bound(0.0, 64) == pytest.approx(0.0406, abs=1e-3)
    assert checks.upper_bound(0.0, 1000) < 0.003
    assert checks.upper_bound(1.0, 8) == pytest.approx(1.0)

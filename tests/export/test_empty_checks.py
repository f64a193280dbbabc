"""A check that could compare nothing fails instead of passing; thresholds are loosened only where they must be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.ranges import Ranges
from calibration.samples import Samples
from export.formats.tflite import ranges, storage
from export.metrics import EQUAL_SQNR_DB, OutputKind
from export.model.subject import load_subject
from export.model.tensor_spec import TensorSpec
from export.passes import registry
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels
from export.pipeline import run
from export.progress import Quiet
from export.proof import clipping, compare, prove
from export.proof.tolerances import AGREEMENT, FIDELITY, by_fidelity, for_few, nearer_than_fidelity
from export.quantization.export_run import ExportRun
from export.recipe import Recipe, Width
from export.scheme import FLOAT16, FLOAT32, INT8, INT8_DYNAMIC, Scheme
from zoo import find
from zoo.errors import OutsideError, UsageProblemError
from zoo.inputs import Input, Vector, Zeros


def nothing(*_: Any) -> Iterator[Any]:
    """Find no operators and no activations."""
    return iter(())


@pytest.mark.parametrize(
    ("module", "name", "replacement", "failed"),
    [
        (storage, "_steps", lambda *_: None, "storage"),
        (ranges, "_stored", nothing, "ranges"),
    ],
)
def test_a_check_that_compares_nothing_fails(
    module: Any, name: str, replacement: Any, failed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, replacement)
    recipe = Recipe(model="lenet5", schemes=(INT8,), formats=("tflite",), out=tmp_path)
    delivery = run(recipe)
    file = next(artifact for artifact in delivery.artifacts if artifact.scheme == INT8)
    assert {check.id for check in file.checks if not check.passed} == {failed}
    assert not delivery.passed


def test_a_narrowed_tensor_that_matches_no_activation_fails_the_check_of_clipping() -> None:
    model = find("lenet5").build()
    samples = Samples(inputs={"image": np.ones((1, 32, 32, 1), np.float32)}, source="ones", seed=0)
    seen, planned = (Ranges(by_tensor={"x": (0.0, high)}, observer="min-max") for high in (1.0, 0.3))
    (result,) = clipping.check(model, samples, seen, planned, {})
    assert not result.passed
    assert "no activation of the model matches 1 narrowed tensors" in result.reason


def test_wider_layers_of_an_int8_file_do_not_loosen_the_agreement_of_float32_files(tmp_path: Path) -> None:
    recipe = Recipe(model="lenet5", schemes=(FLOAT32, INT8), raised={"c3": Width.INT16}, out=tmp_path)
    onnx = next(one for one in run(recipe).artifacts if one.scheme == FLOAT32 and one.format == "onnx")
    assert [check.threshold for check in onnx.checks if check.id == "agreement"] == [AGREEMENT[FLOAT32].min_sqnr_db]


def test_a_base_that_cannot_be_run_fails_integer_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> None:
        raise OutsideError("the runtime stopped")

    monkeypatch.setattr(prove, "base_outputs", crash)
    delivery = run(Recipe(model="lenet5", schemes=(FLOAT32, INT8), formats=("tflite",), out=tmp_path))
    failures = {one.scheme: one.failures for one in delivery.artifacts}
    assert failures[FLOAT32] == ()
    assert "cannot be run: the runtime stopped" in failures[INT8][0]


@pytest.mark.parametrize(
    ("others", "expected"), [({}, "image"), ({"image": Vector()}, None), ({"image": Zeros()}, None)]
)
def test_the_photo_input_is_found_by_its_contract(
    others: dict[str, Input], expected: str | None, tmp_path: Path
) -> None:
    recipe = Recipe(model="lenet5", out=tmp_path)
    subject = load_subject(recipe)
    subject = replace(subject, inputs={**subject.inputs, **others})
    samples: Any = None
    export = ExportRun(subject=subject, recipe=recipe, samples=samples, work=tmp_path, progress=Quiet())
    assert export.photo_input == expected


def test_two_unrelated_files_never_agree() -> None:
    assert by_fidelity(-200).min_sqnr_db == 0
    assert by_fidelity(200).min_sqnr_db == 50


def test_equal_files_always_agree() -> None:
    assert nearer_than_fidelity(EQUAL_SQNR_DB, 3).min_sqnr_db < EQUAL_SQNR_DB
    assert nearer_than_fidelity(20, 3).min_sqnr_db == 23


def test_near_ties_change_between_two_files_as_far_as_the_margin_explains() -> None:
    """Half of the error changes half of the predictions; a file that keeps nearly all of them has the plain limit."""
    assert nearer_than_fidelity(10, 6.0206, top1_agreement=0.4).min_top1_agreement == pytest.approx(0.7, abs=1e-4)
    assert nearer_than_fidelity(10, 6, top1_agreement=0.99).min_top1_agreement == 0.95
    assert nearer_than_fidelity(10, 6).min_top1_agreement == 0.95


def test_an_unregistered_scheme_is_refused() -> None:
    with pytest.raises(UsageProblemError, match="no scheme w4a32; there are float32,"):
        Recipe(model="lenet5", schemes=(Scheme(name="w4a32", weight_bits=4, activation_bits=32),))


def test_passes_are_applied_in_the_order_of_the_registry_and_each_once() -> None:
    prune, channels = Prune.parse("0.5"), PruneChannels.parse("0.3")
    assert list(registry.ordered((prune, channels))) == ["prune_channels", "prune"]
    with pytest.raises(UsageProblemError, match="give each pass once"):
        registry.ordered((prune, prune))
    with pytest.raises(UsageProblemError, match="there are prune_channels, prune"):
        registry.record((object(),))  # type: ignore[arg-type]


def test_few_samples_may_diverge_twice_as_far() -> None:
    tolerance = FIDELITY[INT8_DYNAMIC]
    assert tolerance.max_kl_nats is not None
    assert for_few(tolerance, 8).max_kl_nats == 2 * tolerance.max_kl_nats
    assert for_few(FIDELITY[INT8], 8).max_kl_nats is not None
    assert for_few(FIDELITY[FLOAT16], 8).max_kl_nats is None


def test_trained_files_that_change_predictions_disagree_however_far_they_are_from_the_model() -> None:
    """Planted: one prediction in eight differs between two int8 files of which one in five differs from the model's."""
    rng = np.random.default_rng(0)
    model = {"logits": rng.normal(size=(64, 10))}
    first = {"logits": model["logits"] + rng.normal(scale=0.35, size=(64, 10))}
    second = {"logits": first["logits"] + rng.normal(scale=0.22, size=(64, 10))}
    specs = {"logits": TensorSpec(name="logits", shape=(1, 10), dtype="float32")}
    kinds = {"logits": OutputKind.CLASSES}

    def passes(*, has_near_ties: bool) -> bool:
        results = compare.agreement(
            first, second, specs, INT8, model=model, margin_db=3, kinds=kinds, has_near_ties=has_near_ties
        )
        return all(one.passed for one in results)

    assert passes(has_near_ties=True)
    assert not passes(has_near_ties=False)

"""Notes on files that passed their checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from export.formats.session import OpCount
from export.metrics import Comparison
from export.proof.artifact import Artifact
from export.proof.notes import notes
from export.runtime.file_content import FileContent
from export.scheme import FLOAT32, INT8

COMPARISON = Comparison(
    sample_count=64,
    max_abs_error=1.0,
    worst=(1.0, 2.0),
    sqnr_db=20.0,
    top1_agreement=1.0,
    top5_agreement=1.0,
    distinct_predictions=(8, 8),
)
FLOAT = Artifact(name="net", format="a", scheme=FLOAT32, suffix=".a", content=FileContent.held(b"x" * 400), p50_ms=4.0)
INT8 = replace(
    FLOAT,
    scheme=INT8,
    content=FileContent.held(b"x" * 110),
    p50_ms=2.0,
    comparisons={"logits": COMPARISON},
    census=(OpCount(op="CONV", arithmetic="integer", count=3),),
)


def test_good_int8_file_has_no_notes() -> None:
    assert notes(INT8, FLOAT) == ()
    assert notes(FLOAT, FLOAT) == ()


def test_note_on_changed_predictions_names_an_option() -> None:
    changed = replace(INT8, comparisons={"logits": replace(COMPARISON, top1_agreement=0.8)}, may_be_reconstructed=True)
    assert notes(changed, FLOAT) == ("20% of the predictions change on these samples; fewer without --no-reconstruct",)


@pytest.mark.parametrize(
    ("agreement", "clear", "words"),
    [
        (0.8, 0.03, "20% of the predictions change on these samples (3% clear ones, the others near ties)"),
        (0.94, 0.0, "6% of the predictions change on these samples (all of them near ties)"),
    ],
)
def test_note_on_changed_predictions_tells_near_ties_from_clear_ones(
    agreement: float, clear: float, words: str
) -> None:
    changed = replace(COMPARISON, top1_agreement=agreement, clear_change_share=clear)
    assert notes(replace(INT8, comparisons={"logits": changed}), FLOAT) == (words,)


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ({"census": (OpCount(op="MEAN", arithmetic="float", count=2),)}, "not all-integer: 2 MEAN in float"),
        ({"census": (OpCount(op="FlexErf", arithmetic="integer", count=1),)}, "needs the Flex runtime for FlexErf"),
        ({"content": FileContent.held(b"x" * 390)}, "not smaller: 98% of float32"),
        ({"p50_ms": 5.0}, "not faster here: 1.2 x float32's time"),
        ({"comparisons": {"logits": replace(COMPARISON, top1_agreement=0.8)}}, "20% of the predictions change"),
    ],
    ids=["float islands", "Flex", "size", "speed", "answers"],
)
def test_flaw_is_described_in_a_note(flaw: dict[str, object], words: str) -> None:
    (said,) = notes(replace(INT8, **flaw), FLOAT)  # type: ignore[arg-type]
    assert words in said

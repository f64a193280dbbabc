"""Errors of tensors give errors of layers, the largest first."""

from __future__ import annotations

from export.analysis.budget.ranking import by_layer
from export.quantization.tensor_map import Attribution

LAYERS = {name: Attribution(tensor=name, call=name, group=(name,), weighted=(name,)) for name in ("a", "b", "c", "x")}


def test_layers_are_ranked_by_error_largest_first() -> None:
    errors = [
        {"tensor": "x", "op": "", "output_sqnr_db": None},
        {"tensor": "a", "op": "CONV_2D", "output_sqnr_db": 40.0},
        {"tensor": "b", "op": "MAX_POOL_2D", "output_sqnr_db": None},
        {"tensor": "c", "op": "CONV_2D", "output_sqnr_db": 20.0},
    ]
    found = by_layer(errors, LAYERS, with_inputs=False)
    assert [one.layer for one in found] == ["c", "a", "b"]
    assert found[0].share > 0.98
    assert [one.layer for one in by_layer(errors, LAYERS, with_inputs=True)] == ["c", "a", "x", "b"]

"""Patches of tf2onnx are reverted after use, and still necessary."""

from __future__ import annotations

from typing import Any

import pytest

from export.formats.onnx.patches import without_rewriting_protos


class Graph:
    """Notes what an optimizer calls."""

    outputs = ("logits",)

    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any) -> dict[str, int]:
            self.called.append(name)
            return {}

        return call


@pytest.fixture
def optimizer() -> Any:
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    class Nothing(GraphOptimizerBase):
        def _optimize(self, graph: Graph) -> Graph:
            return graph

        def _print_stat_diff(self, before: object, after: object) -> None:
            pass

    return Nothing()


def test_patch_of_tf2onnx_is_still_necessary(optimizer: Any) -> None:
    graph = Graph()
    optimizer.optimize(graph, 0)
    assert "update_proto" in graph.called


def test_patch_of_tf2onnx_changes_nothing_else(optimizer: Any) -> None:
    patched, usual = Graph(), Graph()
    with without_rewriting_protos():
        optimizer.optimize(patched, 0)
    optimizer.optimize(usual, 0)
    assert patched.called == [name for name in usual.called if name != "update_proto"]

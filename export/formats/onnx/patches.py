"""Patches of libraries, each with the condition for its removal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without_rewriting_protos() -> Iterator[None]:
    """Prevent the optimizers from writing every weight to protobuf again after every pass.

    Patches tf2onnx 1.17.0: `GraphOptimizerBase.optimize` calls `graph.update_proto()`. `Graph.make_graph` writes the
    weights once at the end anyway, and protobuf's arenas do not release memory (ResNet50: 1.3 GB).
    Ends with a version whose optimizers do not do this: tests/formats/onnx/test_patches.py fails then.
    """
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    def optimize(self: Any, graph: Any, iteration: int) -> Any:
        before = graph.dump_node_statistics()
        self.opt_iteration = iteration
        graph = self._optimize(graph)
        graph.delete_unused_nodes(graph.outputs)
        self._print_stat_diff(before, graph.dump_node_statistics())  # This also records whether the graph changed.
        return graph

    before = GraphOptimizerBase.optimize
    GraphOptimizerBase.optimize = optimize
    try:
        yield
    finally:
        GraphOptimizerBase.optimize = before

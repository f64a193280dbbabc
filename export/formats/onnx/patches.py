"""The patches of libraries in this package, each with what makes it unnecessary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without_rewriting_protos() -> Iterator[None]:
    """Keep the optimizers from writing every weight into protobuf anew after every pass.

    Patches tf2onnx 1.17.0: `GraphOptimizerBase.optimize` calls `graph.update_proto()`. `Graph.make_graph` writes the
    weights once at the end anyway, and protobuf's arenas give nothing back (ResNet50: 1.3 GB).
    Ends with a version whose optimizers do not: tests/formats/onnx/test_patches.py fails then.
    """
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    def optimize(self: Any, graph: Any, iteration: int) -> Any:
        before = graph.dump_node_statistics()
        self.opt_iteration = iteration
        graph = self._optimize(graph)
        graph.delete_unused_nodes(graph.outputs)
        self._print_stat_diff(before, graph.dump_node_statistics())  # it also notes whether there was a change
        return graph

    before = GraphOptimizerBase.optimize
    GraphOptimizerBase.optimize = optimize
    try:
        yield
    finally:
        GraphOptimizerBase.optimize = before

"""Canonical node order and names, so that two conversions of a model give equal files.

The converter derives names from a global counter, and its node order may depend on the order of a set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from export.errors import ConversionError
from export.formats.onnx.protos import GraphProto, NodeProto


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """Yield the subgraphs of `node` (branches of If, bodies of Loop)."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def needed(node: NodeProto) -> Iterator[str]:
    """Yield the names that `node` reads, including names that its subgraphs capture."""
    yield from (name for name in node.input if name)
    for graph in subgraphs(node):
        # A subgraph may redefine an outer name, which is then not a capture.
        own = {value.name for value in graph.input} | {name for inner in graph.node for name in inner.output}
        own |= {tensor.name for tensor in graph.initializer}
        for inner in graph.node:
            yield from (name for name in needed(inner) if name not in own)
        yield from (output.name for output in graph.output if output.name not in own)


def sort_nodes(graph: GraphProto) -> None:
    """Order the nodes of `graph` depth first from its outputs, and remove nodes that no output needs.

    Raises:
        ConversionError: the graph has a cycle.
    """
    producer = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    done: dict[int, None] = {}
    begun: set[int] = set()
    # An explicit stack, because a chain of a thousand nodes would exceed Python's recursion limit.
    stack = [(producer[o.name], False) for o in reversed(graph.output) if o.name in producer]
    while stack:
        index, ready = stack.pop()
        if index in done:
            continue
        if ready:
            done[index] = None
            continue
        if index in begun:
            raise ConversionError(f"the graph has a cycle through {graph.node[index].op_type}")
        begun.add(index)
        stack.append((index, True))
        sources = [producer[name] for name in needed(graph.node[index]) if name in producer]
        stack.extend((source, False) for source in reversed(sources) if source not in done)
    ordered = [graph.node[index] for index in done]
    del graph.node[:]
    graph.node.extend(ordered)


def drop_unused(graph: GraphProto) -> None:
    """Remove initializers and value descriptions that no node of `graph` reads."""
    used = {name for node in graph.node for name in needed(node)} | {output.name for output in graph.output}
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in used:
            del graph.initializer[index]
    del graph.value_info[:]


def share_equal_tensors(graph: GraphProto) -> None:
    """Replace equal initializers by one of them.

    The converter shares some initializers, depending on the order of the nodes.
    """
    first: dict[tuple[Any, ...], str] = {}
    same: dict[str, str] = {}
    for tensor in graph.initializer:
        content = tensor.raw_data or tensor.SerializeToString(deterministic=True)
        key = (tensor.data_type, tuple(tensor.dims), content)
        same[tensor.name] = first.setdefault(key, tensor.name)
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]


def canonicalize(graph: GraphProto, names: Mapping[str, str] | None = None) -> None:
    """Give `graph` its canonical order and names; inputs and outputs keep their names or get those in `names`."""
    sort_nodes(graph)
    drop_unused(graph)
    for inner in _inner(graph):  # tf2onnx leaves constants there that it has folded, in a random order.
        drop_unused(inner)
    fixed = {value.name: value.name for value in (*graph.input, *graph.output)} | dict(names or {})
    _rename(graph, fixed, prefix="")
    for value in (*graph.input, *graph.output):
        value.name = fixed[value.name]
    for one in (graph, *_inner(graph)):
        one.initializer.sort(key=lambda tensor: str(tensor.name))  # In place: copies would take gigabytes.


def _inner(graph: GraphProto) -> list[GraphProto]:
    """Return the subgraphs of a graph, and those inside of them."""
    own = [inner for node in graph.node for inner in subgraphs(node)]
    return [*own, *(deeper for inner in own for deeper in _inner(inner))]


def _rename(graph: GraphProto, known: dict[str, str], prefix: str) -> None:
    """Rename everything in `graph` except the `known` names (old to new), which subgraphs inherit."""
    names = dict(known)
    taken = set(names.values())
    stored = {tensor.name for tensor in graph.initializer}

    def give(old: str, wanted: str) -> str:
        if old and old not in names:
            while wanted in taken:
                wanted += "_"
            taken.add(wanted)
            names[old] = wanted
        return names.get(old, "")

    for position, value in enumerate(graph.input):
        value.name = give(value.name, f"{prefix}input_{position}") if prefix else value.name
    for index, node in enumerate(graph.node):
        node.name = f"{prefix}{node.op_type}_{index}"
        node.attribute.sort(key=lambda attribute: attribute.name)
        node.ClearField("doc_string")
        if not node.domain:
            node.ClearField("domain")  # An empty and an unset field have different bytes.
        for position, name in enumerate(needed(node)):
            if name in stored:
                give(name, f"{node.name}/{position}")
        node.input[:] = [names.get(name, name) for name in node.input]
        suffixes = ["", *(f":{position}" for position in range(1, len(node.output)))]
        node.output[:] = [give(name, node.name + end) for name, end in zip(node.output, suffixes, strict=True)]
        for number, inner in enumerate(subgraphs(node)):
            _rename(inner, names, prefix=f"{node.name}/{number}/")
    for tensor in graph.initializer:
        tensor.name = give(tensor.name, f"{prefix}stored")
    if prefix:
        for value in graph.output:
            value.name = names.get(value.name, value.name)

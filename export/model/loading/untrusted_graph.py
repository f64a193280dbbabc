"""Refuse SavedModels whose functions do more than compute: read or write files, or run Python code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import UsageProblemError

# TensorFlow declares an operator stateful if it touches anything but its inputs. Of these, models need the following.
_ALLOWED_STATEFUL = frozenset(
    {"VarHandleOp", "ReadVariableOp", "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"}
    | {"VarIsInitializedOp", "DisableCopyOnRead", "ResourceGather", "ResourceGatherNd", "Placeholder", "Assert"}
    | {"StatefulPartitionedCall", "If", "While", "Case"}
    | {"RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt"}
    | {"CudnnRNN", "CudnnRNNV2", "CudnnRNNV3", "CudnnRNNBackprop", "CudnnRNNBackpropV3", "IteratorGetNext"}
    | {"HashTableV2", "MutableHashTableV2", "LookupTableFindV2", "LookupTableSizeV2", "LookupTableImportV2"}
)
# Declared stateless, although they read files, run Python code or write what passes through them.
_FORBIDDEN_STATELESS = frozenset(
    {"ReadFile", "MatchingFiles", "GenerateVocabRemapping", "PyFuncStateless", "Copy", "CopyHost"}
)
_FORBIDDEN_PARTS = ("Dataset", "Debug", "Summary")
# The functions that write and read the variables of the folder itself; loading a model does not call them.
_SAVERS = ("__inference__traced_save", "__inference__traced_restore")


def check_functions(path: Path, graph: Any) -> None:
    """Check that every operator in the functions of a SavedModel only computes.

    Args:
        path: the folder.
        graph: its MetaGraphDef.

    Raises:
        UsageProblemError: an operator touches files or Python code, or is unknown.
    """
    functions = graph.graph_def.library.function
    names = {function.signature.name for function in functions}
    called = {name for function in functions for name in _calls(function)}
    called |= set(graph.object_graph_def.concrete_functions)
    for function in functions:
        name = function.signature.name
        if name.startswith(_SAVERS) and name not in called:
            continue
        for node in function.node_def:
            if not _only_computes(node.op, names):
                raise UsageProblemError(
                    f"{path.name} is refused: its function {name} contains the operator {node.op}, which may touch "
                    "files or run code; save the model as .keras with the code that built it"
                )


def _only_computes(name: str, functions: set[str]) -> bool:
    from tensorflow.python.framework import op_def_registry

    if name in functions:
        return True
    known = op_def_registry.get(name)
    if known is None or name in _FORBIDDEN_STATELESS or any(part in name for part in _FORBIDDEN_PARTS):
        return False
    return not known.is_stateful or name in _ALLOWED_STATEFUL


def _calls(function: Any) -> Iterator[str]:
    """Yield the names of the functions that a function calls."""
    for node in function.node_def:
        for value in node.attr.values():
            if value.HasField("func"):
                yield value.func.name
            yield from (one.name for one in value.list.func)

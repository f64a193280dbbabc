"""A .tflite for each version of each operator, which lists it without a use."""

from __future__ import annotations

from pathlib import Path

NEWEST_TRIED = 20


def files(folder: Path) -> Path:
    """Return the folder with the files OPERATOR@VERSION.tflite, which are written unless they are there."""
    if folder.is_dir():
        return folder
    from ai_edge_litert import schema_py_generated as schema

    from export.formats.tflite import flatbuffer

    folder.mkdir(parents=True)
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()}
    for number, name in names.items():
        if name in ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"):
            continue
        for version in range(1, NEWEST_TRIED + 1):
            (folder / f"{name}@{version}.tflite").write_bytes(flatbuffer.write(_model(number, version)))
    return folder


def _model(operator: int, version: int) -> object:
    """Return a model without a computation whose runtime must know a version of an operator."""
    from ai_edge_litert import schema_py_generated as schema

    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = operator, min(operator, 127), version
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = b"x", [1], schema.TensorType.FLOAT32, 0
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor], [0], [0], []
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    return model

"""An .onnx for each version of a file's structure (IR) and of ONNX's operators, and for the runtime's own."""

from __future__ import annotations

from pathlib import Path

STRUCTURES, OPERATOR_SETS = range(7, 15), range(13, 28)
OLDEST_STRUCTURE, OLDEST_OPERATOR_SET = STRUCTURES[0], OPERATOR_SETS[0]


def files(folder: Path) -> Path:
    """Return the folder with ir@VERSION.onnx, ai.onnx@VERSION.onnx and OPERATOR@1.onnx, written if they are missing."""
    if folder.is_dir():
        return folder
    folder.mkdir(parents=True)
    for structure in STRUCTURES:
        (folder / f"ir@{structure}.onnx").write_bytes(_activation(structure, OLDEST_OPERATOR_SET))
    for operator_set in OPERATOR_SETS:
        (folder / f"ai.onnx@{operator_set}.onnx").write_bytes(_activation(OLDEST_STRUCTURE, operator_set))
    (folder / "com.microsoft.MatMulNBits@1.onnx").write_bytes(_blocks())
    return folder


def _activation(structure: int, operator_set: int) -> bytes:
    from onnx import TensorProto, helper

    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", sides[:1], sides[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", operator_set)], ir_version=structure)
    return bytes(model.SerializeToString())


def _blocks() -> bytes:
    """Return a product with a matrix in 4 bits, as our files have it."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("x", 32), ("y", 4))]
    constants = {
        "weights": np.zeros((4, 1, 16), np.uint8),
        "scales": np.ones(4, np.float32),
    }
    attributes = {"K": 32, "N": 4, "bits": 4, "block_size": 32, "accuracy_level": 1}
    node = helper.make_node("MatMulNBits", ["x", *constants], ["y"], domain="com.microsoft", **attributes)
    stored = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph([node], "graph", sides[:1], sides[1:], stored)
    sets = [helper.make_opsetid("", OLDEST_OPERATOR_SET), helper.make_opsetid("com.microsoft", 1)]
    return bytes(helper.make_model(graph, opset_imports=sets, ir_version=OLDEST_STRUCTURE).SerializeToString())

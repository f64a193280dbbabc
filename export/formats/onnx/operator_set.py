"""Write an .onnx in another version of ONNX's operators, for runtimes of other ages."""

from __future__ import annotations

from typing import Any

from export.errors import ConversionError

# Of older versions the converter knows too little; ONNX Runtime 1.30 reads up to the last.
VERSIONS = range(14, 24)
NEWER_ATTRIBUTE = "noop_with_empty_axes"


def with_operator_set(content: bytes, version: int) -> bytes:
    """Return a file in a version of the operators: the same nodes, or others that compute the same.

    Raises:
        ConversionError: the version does not have an operator of the file, or one with these types.
    """
    import onnx
    from onnx import helper, version_converter

    proto: Any = onnx.ModelProto.FromString(content)
    try:
        converted: Any = version_converter.convert_version(proto, version)
        for node in converted.graph.node:
            _drop_what_has_no_effect(node, version)
        onnx.checker.check_model(converted)
    except (RuntimeError, onnx.checker.ValidationError) as error:
        raise ConversionError(
            f"ONNX's operators of version {version} do not have what this file needs; leave out --opset, or type a "
            f"higher one, up to {VERSIONS[-1]}"
        ) from error
    converted.ir_version = max(helper.find_min_ir_version_for(converted.opset_import), proto.ir_version)
    return bytes(converted.SerializeToString())


def _drop_what_has_no_effect(node: Any, version: int) -> None:
    """Remove an attribute that newer versions of ReduceMean and others have, where its condition does not hold.

    The converter leaves it; it says what a reduction does without axes.
    """
    from onnx import defs

    if node.domain or NEWER_ATTRIBUTE in defs.get_schema(node.op_type, version).attributes:
        return
    has_axes = any(one.name == "axes" and one.ints for one in node.attribute)
    for attribute in list(node.attribute):
        if attribute.name == NEWER_ATTRIBUTE and (has_axes or attribute.i == 0):
            node.attribute.remove(attribute)

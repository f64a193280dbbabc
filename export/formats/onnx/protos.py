"""Type aliases for the messages of the onnx package, which has no type annotations."""

from __future__ import annotations

from typing import Any

GraphProto = Any
ModelProto = Any
NodeProto = Any
TensorProto = Any

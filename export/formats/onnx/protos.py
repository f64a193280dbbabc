"""Names for what the onnx package calls its messages; it ships no types."""

from __future__ import annotations

from typing import Any

GraphProto = Any
ModelProto = Any
NodeProto = Any

"""Files with operators that LiteRT does not have are named as what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.formats.tflite import TFLITE, flatbuffer
from export.process import RuntimeCrashError
from export.runtime.inspect_file import inspect_file
from tests.formats.tflite.micro_networks import separable


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("ethos-u", "compiled for an Ethos-U, which alone runs it; give the file that it was compiled from"),
        ("MyOp", "LiteRT has no operator MyOp, which an application has to bring; give a file without it"),
    ],
)
def test_the_operator_is_named_with_what_to_do(operator: str, expected: str, tmp_path: Path) -> None:
    model = flatbuffer.read(TFLITE.convert(separable()))
    code = model.operatorCodes[model.subgraphs[0].operators[0].opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = 32  # CUSTOM
    code.customCode = operator.encode()
    model.subgraphs[0].operators[0].builtinOptionsType = 0
    model.subgraphs[0].operators[0].builtinOptions = None
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(model))
    with pytest.raises(RuntimeCrashError) as caught:
        inspect_file(path)
    assert str(caught.value).endswith(expected)

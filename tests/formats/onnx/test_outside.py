"""A large decoder's matrices stay outside of its graph until the graph is finished; the file is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.formats.onnx import float_file, outside
from tests.language.small_decoders import Small, small


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "LARGE_BYTES", 0)
    monkeypatch.setattr(outside, "SMALLEST_NUMBERS", 1)


def outputs(content: bytes, path: Path, tokens: Any) -> Any:
    from export.formats.onnx.session import open_session

    path.write_bytes(content)
    return open_session(path).run({"tokens": tokens})["logits"]


def stored(content: bytes) -> dict[str, Any]:
    import onnx
    from onnx import numpy_helper

    proto: Any = onnx.load_from_string(content)
    assert not any(tensor.doc_string for tensor in proto.graph.initializer)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}


def test_the_file_of_gpt2_is_the_same(request: pytest.FixtureRequest) -> None:
    decoder = small("gpt2").decoder()
    usual = float_file.convert_decoder(decoder)
    request.getfixturevalue("everything_is_large")
    assert float_file.convert_decoder(decoder) == usual


@pytest.mark.parametrize("name", ["gpt2", "stories15m"])
def test_every_matrix_is_stored_once_and_read(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    one: Small = small(name)
    usual = float_file.convert_decoder(one.decoder())
    request.getfixturevalue("everything_is_large")
    content = float_file.convert_decoder(one.decoder())
    found, expected = stored(content), stored(usual)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    row = one.tokens[:1]
    assert np.array_equal(outputs(content, tmp_path / "a.onnx", row), outputs(usual, tmp_path / "b.onnx", row))


def test_folding_gets_the_values_that_it_needs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = small("gpt2").decoder()
    usual = float_file.convert_decoder(decoder)
    request.getfixturevalue("everything_is_large")
    first, others = outside.matrices, []

    def without_one(graph: Any) -> frozenset[str]:
        found = first(graph)
        others.append(found)
        return found if len(others) == 1 else found - {min(found)}  # as if an optimizer let another operator read it

    monkeypatch.setattr(outside, "matrices", without_one)
    assert float_file.convert_decoder(decoder) == usual
    assert len(others) == 2


def test_matrices_of_other_operators_do_not_stay_outside() -> None:
    from onnx import TensorProto, helper

    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [400, 400])
        for name in ("multiplied", "left", "added", "turned", "both")
    ]
    nodes = [
        helper.make_node("MatMul", ["left", "multiplied"], ["a"]),
        helper.make_node("Add", ["a", "added"], ["b"]),
        helper.make_node("Transpose", ["turned"], ["t"]),
        helper.make_node("MatMul", ["b", "t"], ["c"]),
        helper.make_node("Transpose", ["both"], ["u"]),
        helper.make_node("Gather", ["both", "n"], ["d"]),
    ]
    assert outside.matrices(helper.make_graph(nodes, "g", given, [])) == {"multiplied", "both"}

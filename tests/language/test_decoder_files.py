"""Files of decoders with a cache: the logits of whole texts, the names that runtimes load, and every weight once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import ops

from export.formats import FORMATS
from export.formats.tflite import flatbuffer
from export.proof.compare import compare_outputs
from export.scheme import FLOAT32
from tests.language.small_decoders import NAMES, Small, small
from zoo.language import cached_attention, rotary, tied_embedding
from zoo.language.cached_attention import MASKED


@pytest.fixture(scope="module", params=NAMES)
def decoder(request: pytest.FixtureRequest) -> Small:
    return small(request.param)


@pytest.fixture(scope="module")
def files(decoder: Small, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: write(decoder, name, tmp_path_factory.mktemp("files")) for name in FORMATS}


def write(decoder: Small, format_name: str, folder: Path) -> Path:
    """Return the file of a decoder in `folder`."""
    path = folder / f"{decoder.name}{FORMATS[format_name].suffix}"
    path.write_bytes(FORMATS[format_name].convert(decoder.model, decoder=decoder.decoder()))
    return path


def failures(decoder: Small, path: Path, format_name: str) -> list[str]:
    """Return the failed checks of a file against NumPy, by the thresholds of float32 files."""
    session = FORMATS[format_name].open(path)
    found = np.concatenate([session.run({"tokens": row[None]})["logits"] for row in decoder.tokens])
    judged = compare_outputs({"logits": decoder.logits}, {"logits": found}, FLOAT32, has_thresholds=True)
    assert judged.checks
    return [check.reason for check in judged.checks if not check.passed]


@pytest.mark.parametrize("format_name", FORMATS)
def test_steps_with_a_cache_give_the_logits_of_whole_texts(
    decoder: Small, files: dict[str, Path], format_name: str
) -> None:
    session = FORMATS[format_name].open(files[format_name])
    assert [(one.name, one.shape, one.dtype) for one in session.inputs] == [("tokens", (1, 12), "int32")]
    assert [(one.name, one.shape, one.dtype) for one in session.outputs] == [("logits", (1, 12, 90), "float32")]
    assert failures(decoder, files[format_name], format_name) == []


def test_the_signatures_are_those_of_litert_lm(decoder: Small, files: dict[str, Path]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(files["tflite"]))
    cache = [f"kv_cache_{part}_{index}" for part in "kv" for index in (0, 1)]
    shape = [1, decoder.model.get_layer("block_0_key_heads").heads, 20, 8]
    for name, count in (("prefill_3", 3), ("decode", 1)):
        runner = interpreter.get_signature_runner(name)
        inputs = {key: (list(one["shape"]), one["dtype"]) for key, one in runner.get_input_details().items()}
        assert inputs == {
            "tokens": ([1, count], np.int32),
            "input_pos": ([count], np.int32),
            "mask": ([1, 1, count, 20], np.float32),
            **dict.fromkeys(cache, (shape, np.float32)),
        }
        outputs = {key: list(one["shape"]) for key, one in runner.get_output_details().items()}
        assert outputs == dict.fromkeys(cache, shape) | ({"logits": [1, 1, 90]} if name == "decode" else {})


def test_the_inputs_and_outputs_are_those_of_optimum(decoder: Small, files: dict[str, Path]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(files["onnx"]), providers=["CPUExecutionProvider"])
    heads = decoder.model.get_layer("block_0_key_heads").heads
    new, past, total = "sequence_length", "past_sequence_length", "total_sequence_length"
    blocks = [f"{index}.{part}" for index in (0, 1) for part in ("key", "value")]
    assert {one.name: (one.shape, one.type) for one in session.get_inputs()} == {
        "input_ids": ([1, new], "tensor(int64)"),
        "attention_mask": ([1, total], "tensor(int64)"),
        "position_ids": ([1, new], "tensor(int64)"),
        **{f"past_key_values.{name}": ([1, heads, past, 8], "tensor(float)") for name in blocks},
    }
    assert {one.name: one.shape for one in session.get_outputs()} == {
        "logits": [1, new, 90],
        **{f"present.{name}": [1, heads, total, 8] for name in blocks},
    }


def test_padding_on_the_left_changes_no_logits(decoder: Small, files: dict[str, Path]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(files["onnx"]), providers=["CPUExecutionProvider"])
    empty = {one.name: np.zeros((1, one.shape[1], 0, 8), np.float32) for one in session.get_inputs()[3:]}
    ids = np.concatenate([np.zeros((1, 4), np.int64), decoder.tokens[:1]], axis=1)
    mask = (np.arange(16) >= 4).astype(np.int64)[None]
    positions = np.maximum(np.arange(16) - 4, 0)[None]
    given = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, **empty}
    (logits,) = session.run(["logits"], given)
    assert np.abs(logits[0, 4:] - decoder.logits[0]).max() < 1e-4


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_weight_is_stored_once(decoder: Small, files: dict[str, Path], format_name: str) -> None:
    matrices = sorted(int(np.prod(one.shape)) for one in decoder.model.weights if len(one.shape) == 2)
    least = min(matrices)
    stored = [count for count in constants(files[format_name].read_bytes(), format_name) if count >= least]
    assert sorted(stored) == matrices


def constants(content: bytes, format_name: str) -> Iterator[int]:
    """Yield the number of float32 values of every stored constant."""
    if format_name == "tflite":
        yield from (buffer.data.size // 4 for buffer in flatbuffer.read(content).buffers if buffer.data is not None)
        return
    import onnx

    for tensor in onnx.load_from_string(content).graph.initializer:
        yield int(np.prod(tensor.dims))


def written_late(_: Any, cache: Any, new: Any, positions: Any) -> Any:
    return ops.slice_update(cache, (0, 0, positions[0] + 1, 0), new)


def appended_in_front(_: Any, past: Any, new: Any) -> Any:
    return ops.concatenate([new, past], axis=2)


def seen_inverted(layer: Any, queries: Any, keys: Any, values: Any, mask: Any) -> Any:
    return GROUPED(layer, queries, keys, values, MASKED - mask)


def one_too_far_in_single_steps(layer: Any, positions: Any) -> Any:
    return TABLE(layer, positions + 1 if positions.shape[0] == 1 else positions)


def one_too_far_behind_a_prompt(layer: Any, positions: Any) -> Any:
    return TABLE(layer, positions + ops.cast(positions[:1] > 0, positions.dtype))


def learned_one_too_far(layer: Any, positions: Any) -> Any:
    return tied_embedding.rows_of(layer.embeddings, positions + 1)


def future_seen(_: Any, attention_mask: Any, position_ids: Any) -> Any:
    keys = ops.cumsum(attention_mask, axis=1) - 1
    is_seen = ops.expand_dims(keys, (1, 2)) >= ops.expand_dims(position_ids, (1, 3))
    return ops.where(is_seen, np.float32(0), np.float32(MASKED))


GROUPED, TABLE = cached_attention.GroupedAttention.call, rotary.RotaryTable.call
FAULTS: list[tuple[str, str, type[Any], Callable[..., Any]]] = [
    ("tflite", "stories15m", cached_attention.WriteCache, written_late),
    ("tflite", "stories15m", cached_attention.GroupedAttention, seen_inverted),
    ("tflite", "stories15m", rotary.RotaryTable, one_too_far_in_single_steps),
    ("tflite", "gpt2", tied_embedding.LearnedPositions, learned_one_too_far),
    ("onnx", "stories15m", cached_attention.AppendCache, appended_in_front),
    ("onnx", "stories15m", cached_attention.PastMask, future_seen),
    ("onnx", "stories15m", rotary.RotaryTable, one_too_far_behind_a_prompt),
    ("onnx", "gpt2", tied_embedding.LearnedPositions, learned_one_too_far),
]


@pytest.mark.parametrize(("format_name", "name", "layer", "fault"), FAULTS)
def test_a_planted_fault_fails_the_proof(
    format_name: str,
    name: str,
    layer: type[Any],
    fault: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    decoder = small(name, depth=1)
    monkeypatch.setattr(layer, "call", fault)
    assert failures(decoder, write(decoder, format_name, tmp_path), format_name)

"""Optimum's export of a text network, with the inputs and outputs of our files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers import environment
from benchmarks.peers.transformers_names import CHECKPOINTS

if TYPE_CHECKING:
    import keras

HERE = Path(__file__).parent
ENCODER_INPUTS = {"ids": "input_ids", "mask": "attention_mask", "segment_ids": "token_type_ids"}  # ours -> theirs


def export(name: str, model: keras.Model, out: Path, environments: Path) -> None:
    """Write the float32 .onnx that Optimum makes of a network of the zoo.

    Raises:
        RuntimeError: Optimum fails.
    """
    import onnx

    python = environment.interpreter("optimum", environments)
    checkpoint = CHECKPOINTS[name](model)
    folder = out.with_suffix("")
    folder.mkdir()
    config, weights = folder / "config.json", folder / "weights.npz"
    config.write_text(json.dumps(checkpoint.config), encoding="utf-8")
    np.savez(weights, **checkpoint.weights)
    command = [python, "-P", HERE / "tools" / "optimum_export.py", config, weights, checkpoint.task, folder / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    made = onnx.load(str(folder / "out" / "model.onnx"))
    if checkpoint.task == "feature-extraction":
        _end_in_embedding(made.graph, model.inputs[0].shape[1])
    onnx.save(made, str(out))
    shutil.rmtree(folder)


def _end_in_embedding(graph: Any, length: int) -> None:
    """Let the file take our inputs, and end in the mean of the tokens, of length 1, as ours does."""
    from onnx import TensorProto, helper, numpy_helper

    begin = [
        helper.make_node("Cast", [ours], [theirs], to=TensorProto.INT64) for ours, theirs in ENCODER_INPUTS.items()
    ]
    hidden, width = graph.output[0].name, graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    end = [
        helper.make_node("Cast", ["mask"], ["mask/float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask/float", "last"], ["mask/column"]),
        helper.make_node("Mul", [hidden, "mask/column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask/float", "tokens"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("LpNormalization", ["mean"], ["embedding"], axis=-1, p=2),
    ]
    nodes = [*begin, *graph.node, *end]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(copies)
    graph.input.extend(helper.make_tensor_value_info(name, TensorProto.INT32, [1, length]) for name in ENCODER_INPUTS)
    graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, width]))
    constants = {"last": np.array([-1]), "tokens": np.array([1])}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())

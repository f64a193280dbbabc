"""Weights of text networks by the names of the library transformers, from which other tools export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from calibration.samples import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A network as the library transformers describes it.

    Attributes:
        config: its settings.
        weights: arrays by name; matrices are (outputs, inputs).
        task: what Optimum calls the task.
    """

    config: Mapping[str, Any]
    weights: Mapping[str, Array]
    task: str


def minilm(model: keras.Model) -> Checkpoint:
    """Return the encoder without its mean of the tokens."""
    from zoo.pretrained.bert import NAMES

    stored = {path: theirs for theirs, path in NAMES.items()}
    weights = {}
    for path, values in _arrays(model).items():
        prefix, _, rest = path.partition("_") if path.startswith("block") else ("", "", path)
        layer, _, part = rest.rpartition("/")
        theirs = stored.get(rest)
        if theirs is None:
            parts = {"gamma": "weight", "beta": "bias", "kernel": "weight", "bias": "bias"}
            theirs = f"{stored[layer]}.{parts[part]}"
        name = f"encoder.layer.{prefix.removeprefix('block')}.{theirs}" if prefix else theirs
        weights[name] = values.T if part == "kernel" else values
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    config = {
        "architectures": ["BertModel"],
        "config_class": "BertConfig",
        "hidden_size": width,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "intermediate_size": 4 * width,
        "max_position_embeddings": len(weights["embeddings.position_embeddings.weight"]),
    }
    return Checkpoint(config=config, weights=weights, task="feature-extraction")


def stories15m(model: keras.Model) -> Checkpoint:
    """Return the decoder."""
    names = {
        "query": "self_attn.q_proj",
        "key": "self_attn.k_proj",
        "value": "self_attn.v_proj",
        "output": "self_attn.o_proj",
        "gate": "mlp.gate_proj",
        "up": "mlp.up_proj",
        "down": "mlp.down_proj",
        "attention_norm": "input_layernorm",
        "feed_forward_norm": "post_attention_layernorm",
    }
    weights = {}
    for path, values in _arrays(model).items():
        layer, _, part = path.rpartition("/")
        if layer.startswith("block_"):
            _, number, name = layer.split("_", 2)
            weights[f"model.layers.{number}.{names[name]}.weight"] = values.T if part == "kernel" else values
        else:
            weights[{"embedding": "model.embed_tokens.weight", "norm": "model.norm.weight"}[layer]] = values
    vocabulary, width = weights["model.embed_tokens.weight"].shape
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "config_class": "LlamaConfig",
        "hidden_size": width,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "intermediate_size": 768,
        "vocab_size": vocabulary,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    }
    return Checkpoint(config=config, weights=weights, task="text-generation-with-past")


CHECKPOINTS: Mapping[str, Callable[[keras.Model], Checkpoint]] = {"minilm": minilm, "stories15m": stories15m}


def _arrays(model: keras.Model) -> dict[str, Array]:
    return {weight.path: weight.numpy() for weight in model.weights}

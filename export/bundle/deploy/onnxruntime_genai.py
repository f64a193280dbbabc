"""onnxruntime-genai: genai_config.json beside the model and its tokenizer."""

from __future__ import annotations

import json
from typing import Any

from export.bundle.deploy.language_runtime import LanguageModel, LanguageRuntime
from export.bundle.deploy.target import Files


def _files(model: LanguageModel) -> Files:
    return {
        model.file.name: model.file,
        "tokenizer.json": model.tokenizer,
        "tokenizer_config.json": _json({"tokenizer_class": "PreTrainedTokenizerFast"}),
        "genai_config.json": _json(_config(model)),
    }


def _config(model: LanguageModel) -> dict[str, Any]:
    """Return the configuration; its type says which inputs the file takes, and that they have the names given here."""
    cache = model.cache
    inputs = {name: name for name in ("input_ids", "attention_mask", "position_ids")}
    decoder = {
        "session_options": {"provider_options": []},
        "filename": model.file.name,
        # Of the cache: with grouped heads, the queries have more.
        "hidden_size": cache.heads * cache.size,
        "head_size": cache.size,
        "num_attention_heads": cache.heads,
        "num_key_value_heads": cache.heads,
        "num_hidden_layers": cache.blocks,
        "inputs": inputs | {"past_key_names": "past_key_values.%d.key", "past_value_names": "past_key_values.%d.value"},
        "outputs": {
            "logits": "logits",
            "present_key_names": "present.%d.key",
            "present_value_names": "present.%d.value",
        },
    }
    return {
        "model": {
            "type": "llama",
            "vocab_size": model.vocabulary,
            "context_length": cache.context,
            "bos_token_id": model.end if model.begin is None else model.begin,
            "eos_token_id": model.end,
            "pad_token_id": model.end,
            "decoder": decoder,
        },
        # Every step returns a longer cache than it was given, so the two cannot share memory.
        "search": {"do_sample": False, "max_length": cache.context, "past_present_share_buffer": False},
    }


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _readme(model: LanguageModel) -> str:
    begin = "" if model.begin is None else f"[{model.begin}] + "
    return f"""\
    python -m pip install onnxruntime-genai==0.18.0

```python
import onnxruntime_genai as genai

model = genai.Model(".")
tokenizer = genai.Tokenizer(model)
tokens = {begin}[int(token) for token in tokenizer.encode("Once upon a time")]
parameters = genai.GeneratorParams(model)
parameters.set_search_options(max_length={model.cache.context})
generator = genai.Generator(model, parameters)
generator.append_tokens(tokens)
new = []
while not generator.is_done():
    generator.generate_next_token()
    new.append(generator.get_next_tokens()[0])
print(tokenizer.decode(new))
```
"""


ONNXRUNTIME_GENAI = LanguageRuntime(
    name="onnxruntime-genai", title="onnxruntime-genai 0.18.0", format="onnx", files=_files, readme=_readme
)

"""transformers.js: a folder of the layout of the Hugging Face Hub, for browsers and Node.js."""

from __future__ import annotations

import json
from typing import Any

from export.bundle.deploy.language_runtime import LanguageModel, LanguageRuntime
from export.bundle.deploy.target import Files
from export.scheme import FLOAT32

# Names of files that transformers.js derives from its option `dtype`.
_OTHER_DTYPE, _OTHER_FILE = "q8", "model_quantized"


def _files(model: LanguageModel) -> Files:
    name = "model" if model.scheme == FLOAT32 else _OTHER_FILE
    return {
        f"onnx/{name}.onnx": model.file,
        "tokenizer.json": model.tokenizer,
        "tokenizer_config.json": _json({"tokenizer_class": "PreTrainedTokenizerFast"}),
        "config.json": _json(_config(model)),
        "generation_config.json": _json(_special(model)),
    }


def _config(model: LanguageModel) -> dict[str, Any]:
    """Return the configuration. The type "llama" stands for any decoder: it names the sizes of the cache."""
    cache = model.cache
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": model.vocabulary,
        # Of the cache: with grouped heads, the queries have more.
        "hidden_size": cache.heads * cache.size,
        "head_dim": cache.size,
        "num_attention_heads": cache.heads,
        "num_key_value_heads": cache.heads,
        "num_hidden_layers": cache.blocks,
        "max_position_embeddings": cache.context,
        **_special(model),
    }


def _special(model: LanguageModel) -> dict[str, Any]:
    """Return the numbers of the tokens that begin and end a text."""
    return {"bos_token_id": model.begin, "eos_token_id": model.end, "pad_token_id": model.end}


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _readme(model: LanguageModel) -> str:
    dtype = "fp32" if model.scheme == FLOAT32 else _OTHER_DTYPE
    return f"""\
    npm install @huggingface/transformers@4.3.2

```js
import {{ AutoModelForCausalLM, AutoTokenizer, env }} from "@huggingface/transformers";

env.allowRemoteModels = false;
env.localModelPath = "..";  // the folder that contains this one
const name = "FOLDER";  // the name of this folder
const tokenizer = await AutoTokenizer.from_pretrained(name);
const model = await AutoModelForCausalLM.from_pretrained(name, {{ dtype: "{dtype}" }});
const tokens = await model.generate({{ ...tokenizer("Once upon a time"), max_new_tokens: 60 }});
console.log(tokenizer.batch_decode(tokens, {{ skip_special_tokens: true }})[0]);
```
"""


TRANSFORMERS_JS = LanguageRuntime(
    name="transformers-js", title="transformers.js 4.3.2", format="onnx", files=_files, readme=_readme
)

"""LiteRT-LM: one .litertlm file with the model, the tokenizer and what a text begins and ends with."""

from __future__ import annotations

import io
import re
import uuid
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from export import temporary
from export.bundle.deploy.language_runtime import LanguageModel, LanguageRuntime
from export.bundle.deploy.target import Files

_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_HEADER_BYTES = 16_384  # The first section begins behind them.
_BEGINNING = b"1970-01-01T00:00:00.000000+00:00"


def _files(model: LanguageModel) -> Files:
    return {f"{model.file.stem}.litertlm": _timeless(_bundle(model), model)}


def _bundle(model: LanguageModel) -> bytes:
    """Return the file as the builder of LiteRT-LM writes it."""
    from litert_lm_builder import LitertLmFileBuilder, TfLiteModelType

    with temporary.folder() as folder, temporary.writing(), redirect_stdout(io.StringIO()):
        facts = Path(folder) / "metadata.pb"
        facts.write_bytes(_metadata(model))
        builder = LitertLmFileBuilder()
        builder.add_llm_metadata(str(facts))
        builder.add_tflite_model(str(model.file), TfLiteModelType.PREFILL_DECODE)
        builder.add_hf_tokenizer(str(model.tokenizer))
        packed = io.BytesIO()
        builder.build(packed)
    return packed.getvalue()


def _metadata(model: LanguageModel) -> bytes:
    """Return the message LlmMetadata: a model without a chat template."""
    from litert_lm_builder.litertlm_builder import llm_metadata_pb2

    facts: Any = llm_metadata_pb2.LlmMetadata()
    facts.llm_model_type.generic_model.SetInParent()
    facts.max_num_tokens = model.cache.context
    if model.begin is not None:
        facts.start_token.token_ids.ids.append(model.begin)
    facts.stop_tokens.add().token_ids.ids.append(model.end)
    content: bytes = facts.SerializeToString()
    return content


def _timeless(content: bytes, model: LanguageModel) -> bytes:
    """Return the same file without the time and the random number of its making, so that it can be made again."""
    header, rest = content[:_HEADER_BYTES], content[_HEADER_BYTES:]
    number = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{model.name} {model.scheme}")).encode()
    return _UUID.sub(number, _TIME.sub(_BEGINNING, header)) + rest


def _readme(model: LanguageModel) -> str:
    return f"""\
    python -m pip install litert-lm-api==0.18.1

```python
import litert_lm

engine = litert_lm.Engine("{model.file.stem}.litertlm", backend=litert_lm.Backend.CPU())
sampler = litert_lm.SamplerConfig(top_k=1, top_p=1.0, temperature=1.0, seed=0)
session = engine.create_session(apply_prompt_template=False, sampler_config=sampler)
session.run_prefill(["Once upon a time"])
print(session.run_decode().texts[0])
```

The same file runs in the libraries of LiteRT-LM for Android and other systems, https://github.com/google-ai-edge/LiteRT-LM.
"""


LITERT_LM = LanguageRuntime(name="litert-lm", title="LiteRT-LM 0.18.1", format="tflite", files=_files, readme=_readme)

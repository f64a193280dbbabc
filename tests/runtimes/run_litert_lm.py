"""Continue a text with LiteRT-LM, in its own environment: BUNDLE PROMPT COUNT; prints the text as JSON."""

import json
import sys

import litert_lm

bundle, prompt, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = litert_lm.Engine(bundle, backend=litert_lm.Backend.CPU())
sampler = litert_lm.SamplerConfig(top_k=1, top_p=1.0, temperature=1.0, seed=0)
session = engine.create_session(apply_prompt_template=False, sampler_config=sampler, max_output_tokens=count)
session.run_prefill([prompt])
print(json.dumps({"text": session.run_decode().texts[0]}), flush=True)

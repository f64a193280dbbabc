"""Tokens per second of LiteRT-LM, in its own environment: COUNT ROUNDS BUNDLE...; prints the median of each as JSON."""

import json
import statistics
import sys
import time

import litert_lm

count, rounds, bundles = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
engines = [litert_lm.Engine(bundle, backend=litert_lm.Backend.CPU(thread_count=1)) for bundle in bundles]
sampler = litert_lm.SamplerConfig(top_k=1, top_p=1.0, temperature=1.0, seed=0)
speeds: list[list[float]] = [[] for _ in bundles]
for _ in range(rounds):
    for engine, found in zip(engines, speeds, strict=True):
        session = engine.create_session(apply_prompt_template=False, sampler_config=sampler, max_output_tokens=count)
        session.run_prefill(["Once upon a time"])
        start = time.perf_counter()
        session.run_decode()
        found.append(count / (time.perf_counter() - start))
        del session
print(json.dumps([statistics.median(found) for found in speeds]), flush=True)

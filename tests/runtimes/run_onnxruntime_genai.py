"""Continue a text with onnxruntime-genai, in its own environment: FOLDER PROMPT COUNT; prints tokens as JSON."""

import json
import sys
from pathlib import Path

import onnxruntime_genai as genai

folder, prompt, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = genai.Model(folder)
tokenizer = genai.Tokenizer(model)
begin = json.loads((Path(folder) / "genai_config.json").read_text())["model"]["bos_token_id"]
encoded = [int(token) for token in tokenizer.encode(prompt)]
tokens = [begin, *encoded]
parameters = genai.GeneratorParams(model)
parameters.set_search_options(max_length=len(tokens) + count)
generator = genai.Generator(model, parameters)
generator.append_tokens(tokens)
new = []
while not generator.is_done():
    generator.generate_next_token()
    new.append(int(generator.get_next_tokens()[0]))
print(json.dumps({"prompt": encoded, "tokens": new, "text": tokenizer.decode(new)}), flush=True)

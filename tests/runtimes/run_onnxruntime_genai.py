"""Continue tokens with onnxruntime-genai, in its own environment: FOLDER PROMPT COUNT; prints tokens and text as JSON."""

import json
import sys

import onnxruntime_genai as genai

folder, prompt, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = genai.Model(folder)
tokenizer = genai.Tokenizer(model)
begin = json.load(open(f"{folder}/genai_config.json"))["model"]["bos_token_id"]
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

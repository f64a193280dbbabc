// Continue a text with transformers.js, in its own environment: FOLDER PROMPT COUNT DTYPE; prints tokens as JSON.
import { basename, dirname } from "node:path";
import { AutoModelForCausalLM, AutoTokenizer, env } from "@huggingface/transformers";

const [folder, prompt, count, dtype] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const tokenizer = await AutoTokenizer.from_pretrained(basename(folder));
const model = await AutoModelForCausalLM.from_pretrained(basename(folder), { dtype });
const given = tokenizer(prompt);
const found = await model.generate({ ...given, max_new_tokens: Number(count), do_sample: false });
const tokens = found.tolist()[0].map(Number);
const before = given.input_ids.tolist()[0].map(Number);
console.log(JSON.stringify({ prompt: before, tokens: tokens.slice(before.length) }));

// What the page does with a text, by the task of the model: the same as `zoo run DIR "text"`.
import { probabilities, predict } from "./predictions.js";
import { real } from "./tensors.js";
import { textInputs } from "./texts.js";

const MOST_TOKENS = 100;
const MOST_LINES = 20;

/** Examples to begin with. */
export const EXAMPLES = {
  "language modelling": "Once upon a time",
  translation: "the third of may 2021",
  "masked language modelling": "[MASK]",
  embedding: "A man plays the guitar.\nSomebody makes music.\nThe stock market fell today.",
};

/** Run a model on a text: {rows, written, outputs}; `tell` is called with a written text as it grows. */
export async function runText(model, record, session, tokenizer, text, tell) {
  if (!text.trim()) throw new Error("the text is empty; type some words");
  const task = TASKS[model.task] ?? wholeText;
  return task({ model, record, session, tokenizer, tell }, text);
}

const TASKS = {
  "language modelling": continueText,
  translation: translate,
  "masked language modelling": fill,
  embedding: compareLines,
};

async function continueText(given, text) {
  const { session, tokenizer } = given;
  const prompt = tokenizer.ids(text);
  const written = await write(given, await session.begin(), prompt, tokenizer.ends);
  const whole = tokenizer.decode([...prompt, ...written]);
  return { written: whole };
}

async function translate(given, text) {
  const { model, record, session, tokenizer } = given;
  const around = tokenizer.ids("");
  const source = record.inputs.find((spec) => model.inputs[spec.name].kind === "tokens");
  const { ids, mask, isCut } = tokenizer.encode(text, source.shape[1]);
  const begun = await session.begin({ source: ids, source_mask: mask });
  const most = record.inputs.find((spec) => model.inputs[spec.name].kind === "target tokens").shape[1] - 1;
  const written = await write(given, begun, around.slice(0, 1), around.slice(-1), most);
  return { written: tokenizer.decode(written), isCut };
}

/** Return the likeliest tokens behind a prompt, up to one that ends the text. */
async function write({ tokenizer, tell }, text, prompt, ends, most = MOST_TOKENS) {
  const written = [];
  const count = Math.min(most, text.context - prompt.length);
  if (count < 1) throw new Error(`the text has ${prompt.length} tokens; shorten it to ${text.context - 1} at most`);
  if (prompt.length > 1) await text.prefill(prompt.slice(0, -1));
  let logits = await text.read(prompt.slice(-1));
  while (written.length < count) {
    const token = highest(logits);
    if (ends.includes(token)) break;
    written.push(token);
    tell(tokenizer.decode([...prompt, ...written]));
    if (written.length < count) logits = await text.read([token]);
  }
  text.close();
  return written;
}

function highest(values) {
  return values.reduce((best, one, at) => (one > values[best] ? at : best), 0);
}

async function outputsOf({ model, record, session, tokenizer }, text) {
  const encoded = tokenizer.encode(text, record.inputs[0].shape[1]);
  const stored = await session.run(textInputs(model, record, encoded));
  const outputs = Object.fromEntries(record.outputs.map((spec) => [spec.name, real(stored[spec.name], spec)]));
  return { encoded, outputs };
}

async function wholeText(given, text) {
  const { encoded, outputs } = await outputsOf(given, text);
  return { ...predict(given.model, given.record, outputs), outputs, isCut: encoded.isCut };
}

/** Find the hidden tokens of a text. */
async function fill(given, text) {
  const { record, tokenizer } = given;
  if (!tokenizer.ids(text).includes(tokenizer.mask)) {
    throw new Error(`the text hides no token; type ${tokenizer.token(tokenizer.mask)} in the place of each`);
  }
  const { encoded, outputs } = await outputsOf(given, text);
  const [spec] = record.outputs;
  const size = spec.shape[2];
  const places = encoded.ids.flatMap((id, place) => (id === tokenizer.mask ? [place] : []));
  const rows = places.flatMap((place) => {
    const chances = probabilities(outputs[spec.name].subarray(place * size, (place + 1) * size));
    const order = chances.map((_, token) => token).sort((one, other) => chances[other] - chances[one]);
    return order.slice(0, 5).map((token) => ({ title: tokenizer.token(token), share: chances[token] }));
  });
  return { rows, isCut: encoded.isCut };
}

/** Compare the first line with all others. */
async function compareLines(given, text) {
  const lines = text.split("\n").filter((line) => line.trim()).slice(0, MOST_LINES);
  const [spec] = given.record.outputs;
  const vectors = [];
  for (const line of lines) vectors.push((await outputsOf(given, line)).outputs[spec.name]);
  if (lines.length < 2) return { outputs: { [spec.name]: vectors[0] } };
  const rows = lines.slice(1).map((title, at) => ({ title, share: Math.max(0, cosine(vectors[0], vectors[at + 1])) }));
  return { rows: rows.sort((one, other) => other.share - one.share) };
}

function cosine(some, others) {
  const dot = (one, other) => one.reduce((sum, value, at) => sum + value * other[at], 0);
  return dot(some, others) / Math.sqrt(dot(some, some) * dot(others, others));
}

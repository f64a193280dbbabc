// Files that write a text token by token, and keep a cache of what they have read. A text has `read(tokens)`, which
// returns the logits behind each of these tokens, one row after the other; `prefill(tokens)`; and `close()`.
import { GrowingText, hasGrowingCache } from "./growing_cache.js";
import { InPlaceText, hasCacheInPlace } from "./cache_in_place.js";

/** Return how LiteRT.js runs a file with a cache; null for other files. */
export function inLiteRt(library, model) {
  const { signatures } = model;
  if (!hasCacheInPlace(signatures)) return null;
  return writer((source) => InPlaceText.begin(library, signatures, source), { translates: byToken, continues: inHalves });
}

/** Return how ONNX Runtime runs a file with a cache; null for other files. */
export function inOnnxRuntime(library, session) {
  if (!hasGrowingCache(session)) return null;
  return writer((source) => new GrowingText(library, session, source), { translates: byQuarter, continues: byQuarter });
}

/** Return `begin`, and `run`, which reads whole texts in the parts of the proof, so that every way takes part. */
function writer(begin, { translates, continues }) {
  const run = async (inputs) => {
    const rows = "target" in inputs
      ? await translates(() => begin(inputs), Array.from(inputs.target))
      : await continues(() => begin(), Array.from(inputs.tokens));
    return { logits: joined(rows) };
  };
  return { begin, run };
}

async function byToken(begin, tokens) {
  return readInParts(await begin(), tokens, tokens.map((_, at) => at + 1));
}

/** Read a quarter, the second quarter, and the other tokens one by one. */
async function byQuarter(begin, tokens) {
  const [quarter, half] = [4, 2].map((share) => Math.floor(tokens.length / share));
  return readInParts(await begin(), tokens, [quarter, half, ...tokens.slice(half).map((_, at) => half + at + 1)]);
}

/** Read the first half token by token; then again at once, and the second half token by token behind it. */
async function inHalves(begin, tokens) {
  const half = Math.floor(tokens.length / 2);
  const rows = await byToken(begin, tokens.slice(0, half));
  const text = await begin();
  await text.prefill(tokens.slice(0, half));
  for (const token of tokens.slice(half)) rows.push(await text.read([token]));
  text.close();
  return rows;
}

async function readInParts(text, tokens, ends) {
  const rows = [];
  let start = 0;
  for (const end of ends) {
    if (end > start) rows.push(await text.read(tokens.slice(start, end)));
    start = end;
  }
  text.close();
  return rows;
}

/** Return rows of numbers, one behind the other. */
function joined(rows) {
  const values = new Float32Array(rows.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of rows) {
    values.set(one, at);
    at += one.length;
  }
  return values;
}

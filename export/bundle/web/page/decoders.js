// Files that write a text token by token, and keep a cache of what they have read. A text has `read(tokens)`, which
// returns the logits of the tokens behind each of them, one row after the other; and `close()`.

const DECODE = "decode";
const ENCODE = "encode";
const PREFILL = "prefill_";
const CACHE = "kv_cache_";
const PAST = "past_key_values.";
const PRESENT = "present.";
const MASKED = Math.fround(Math.fround(-0.7) * 3.4028234663852886e38); // what LiteRT-LM fills masks with

/** Return how LiteRT.js runs a file with a cache; null for other files. */
export function inLiteRt(library, model) {
  const { signatures } = model;
  if (!(DECODE in signatures)) return null;
  const begin = (source) => inPlaceText(library, signatures, source);
  return { begin, run: wholeText(begin, ENCODE in signatures ? byToken : inHalves) };
}

/** Return how ONNX Runtime runs a file with a cache; null for other files. */
export function inOnnxRuntime(library, session) {
  if (!session.inputNames.some((name) => name.startsWith(PAST))) return null;
  const begin = (source) => growingText(library, session, source);
  return { begin, run: wholeText(begin, byQuarter) };
}

// The proof reads whole texts in these parts, so that every way of reading takes part; so does the self-check.
const byToken = (length) => [...Array(length).keys()].map((at) => at + 1);
const byQuarter = (length) => [Math.floor(length / 4), ...byToken(length).slice(Math.max(0, Math.floor(length / 2) - 1))];
const inHalves = null;

function wholeText(begin, ends) {
  return async (inputs) => {
    const isTranslation = "target" in inputs;
    const tokens = Array.from(isTranslation ? inputs.target : inputs.tokens);
    const source = isTranslation ? inputs : undefined;
    const logits = ends === inHalves ? await readInHalves(begin, tokens) : await readInParts(await begin(source), tokens, ends);
    return { logits: joined(logits) };
  };
}

async function readInParts(text, tokens, ends) {
  const rows = [];
  let start = 0;
  for (const end of ends(tokens.length)) {
    if (end > start) rows.push(await text.read(tokens.slice(start, end)));
    start = end;
  }
  text.close();
  return rows;
}

/** Read the first half token by token; then again at once, and the second half token by token behind it. */
async function readInHalves(begin, tokens) {
  const half = Math.floor(tokens.length / 2);
  const rows = await readInParts(await begin(), tokens.slice(0, half), byToken);
  const text = await begin();
  await text.prefill(tokens.slice(0, half));
  for (const token of tokens.slice(half)) rows.push(await text.read([token]));
  text.close();
  return rows;
}

function joined(rows) {
  const values = new Float32Array(rows.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of rows) {
    values.set(one, at);
    at += one.length;
  }
  return values;
}

/** Return a text whose cache has a place for every token, which a step fills. */
async function inPlaceText(library, signatures, source) {
  const details = signatures[DECODE].getInputDetails();
  const shapeOf = (name) => [...details.find((one) => one.name === name).shape];
  const context = shapeOf("mask").at(-1);
  const tensor = (values, shape) => new library.Tensor(values, shape);
  let fixed = {};
  if (source) {
    const words = ["source", "source_mask"].map((name) => [name, tensor(Int32Array.from(source[name]), [1, source[name].length])]);
    fixed = Object.fromEntries(words);
    const cross = await signatures[ENCODE].run(fixed);
    fixed.source.delete();
    fixed = { source_mask: fixed.source_mask, ...cross };
  }
  const cache = Object.fromEntries(details.filter((one) => one.name.startsWith(CACHE)).map((one) => {
    const shape = [...one.shape];
    return [one.name, tensor(new Float32Array(shape.reduce((product, size) => product * size, 1)), shape)];
  }));
  let place = 0;

  async function step(name, tokens, start) {
    const count = tokens.length;
    const mask = new Float32Array(count * context).fill(MASKED);
    for (let row = 0; row < count; row += 1) mask.fill(0, row * context, row * context + start + row + 1);
    const given = {
      tokens: tensor(Int32Array.from(tokens), [1, count]),
      input_pos: tensor(Int32Array.from(tokens, (_, at) => start + at), [count]),
      mask: tensor(mask, [1, 1, count, context]),
    };
    const found = await signatures[name].run({ ...given, ...fixed, ...cache });
    for (const one of Object.values(given)) one.delete();
    for (const key of Object.keys(cache)) {
      cache[key].delete();
      cache[key] = found[key];
    }
    const logits = found.logits?.toTypedArray();
    found.logits?.delete();
    return logits;
  }

  /** Read tokens without their logits, in pieces; what lies behind the last piece is read one by one. */
  async function prefill(tokens) {
    const names = Object.keys(signatures).filter((name) => name.startsWith(PREFILL));
    if (!names.length || place) return read(tokens);
    const name = names.reduce((one, other) => (other.length < one.length ? other : one));
    const size = signatures[name].getInputDetails().find((one) => one.name === "tokens").shape[1];
    let start = 0;
    for (; start < tokens.length && start + size <= context; start += size) {
      const piece = tokens.slice(start, start + size);
      await step(name, [...piece, ...new Array(size - piece.length).fill(0)], start);
    }
    for (let at = Math.min(start, tokens.length); at < tokens.length; at += 1) await step(DECODE, [tokens[at]], at);
    place = tokens.length;
    return null;
  }

  async function read(tokens) {
    const rows = [];
    for (const token of tokens) {
      rows.push(await step(DECODE, [token], place));
      place += 1;
    }
    return joined(rows);
  }

  const close = () => [...Object.values(cache), ...Object.values(fixed)].forEach((one) => one.delete());
  return { context, prefill, read, close };
}

/** Return a text whose cache grows with every step. */
function growingText(library, session, source) {
  const integers = (values) => new library.Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  let cache = Object.fromEntries(session.inputMetadata.filter((one) => one.name.startsWith(PAST)).map((one) => {
    const [, heads, , size] = one.shape;
    return [one.name, new library.Tensor("float32", new Float32Array(0), [1, heads, 0, size])];
  }));
  let place = 0;
  let left = source ? Array.from(source.source) : [];

  async function read(tokens) {
    const end = place + tokens.length;
    const given = source
      ? { input_ids: integers(left), attention_mask: integers(Array.from(source.source_mask)), decoder_input_ids: integers(tokens) }
      : {
          input_ids: integers(tokens),
          attention_mask: integers(new Array(end).fill(1)),
          position_ids: integers(tokens.map((_, at) => place + at)),
        };
    const found = await session.run({ ...given, ...cache });
    cache = Object.fromEntries(Object.keys(cache).map((name) => [name, found[name.replace(PAST, PRESENT)]]));
    [place, left] = [end, []]; // The first step alone reads the source.
    return Float32Array.from(found.logits.data);
  }

  return { context: Infinity, read, prefill: read, close: () => {} };
}

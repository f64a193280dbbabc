// A text whose cache has a place for every token, in a .tflite with the signatures of LiteRT-LM: "prefill_N" and
// "decode", and "encode" for a source that is read once.

const [DECODE, ENCODE, PREFILL, CACHE] = ["decode", "encode", "prefill_", "kv_cache_"];
const MASKED = Math.fround(Math.fround(-0.7) * 3.4028234663852886e38); // what LiteRT-LM fills masks with

/** Return whether a file with these signatures has such a cache. */
export function hasCacheInPlace(signatures) {
  return DECODE in signatures;
}

export class InPlaceText {
  /** Return a text without tokens; `source` has the tokens and the mask of a text that is translated. */
  static async begin(library, signatures, source) {
    const text = new InPlaceText(library, signatures);
    if (source) text.fixed = await text.encoded(source);
    return text;
  }

  constructor(library, signatures) {
    this.library = library;
    this.signatures = signatures;
    const details = signatures[DECODE].getInputDetails();
    this.context = details.find((one) => one.name === "mask").shape.at(-1);
    this.fixed = {};
    this.place = 0;
    const caches = details.filter((one) => one.name.startsWith(CACHE));
    this.cache = Object.fromEntries(caches.map(({ name, shape }) => [name, this.zeros([...shape])]));
  }

  tensor(values, shape) {
    return new this.library.Tensor(values, shape);
  }

  zeros(shape) {
    return this.tensor(new Float32Array(shape.reduce((product, size) => product * size, 1)), shape);
  }

  /** Return the inputs of "decode" that follow from the source. */
  async encoded(source) {
    const [words, mask] = [source.source, source.source_mask].map((values) => Int32Array.from(values));
    const given = { source: this.tensor(words, [1, words.length]), source_mask: this.tensor(mask, [1, mask.length]) };
    const cross = await this.signatures[ENCODE].run(given);
    given.source.delete();
    return { source_mask: given.source_mask, ...cross };
  }

  /** Run a signature on tokens from a position on, update the cache, and return the logits if it has any. */
  async step(name, tokens, start) {
    const count = tokens.length;
    const mask = new Float32Array(count * this.context).fill(MASKED);
    for (let row = 0; row < count; row += 1) mask.fill(0, row * this.context, row * this.context + start + row + 1);
    const given = {
      tokens: this.tensor(Int32Array.from(tokens), [1, count]),
      input_pos: this.tensor(Int32Array.from(tokens, (_, at) => start + at), [count]),
      mask: this.tensor(mask, [1, 1, count, this.context]),
    };
    const { logits, ...caches } = await this.signatures[name].run({ ...given, ...this.fixed, ...this.cache });
    for (const one of [...Object.values(given), ...Object.values(this.cache)]) one.delete();
    this.cache = caches;
    const values = logits?.toTypedArray();
    logits?.delete();
    return values;
  }

  /** Read the first tokens in pieces, without their logits; what fits into no piece is read one by one. */
  async prefill(tokens) {
    const names = Object.keys(this.signatures).filter((name) => name.startsWith(PREFILL));
    const name = names.reduce((one, other) => (other.length < one.length ? other : one));
    const size = this.signatures[name].getInputDetails().find((one) => one.name === "tokens").shape[1];
    let start = 0;
    for (; start < tokens.length && start + size <= this.context; start += size) {
      const piece = tokens.slice(start, start + size);
      await this.step(name, [...piece, ...new Array(size - piece.length).fill(0)], start);
    }
    for (let at = start; at < tokens.length; at += 1) await this.step(DECODE, [tokens[at]], at);
    this.place = tokens.length;
  }

  async read(tokens) {
    const rows = [];
    for (const token of tokens) {
      rows.push(...(await this.step(DECODE, [token], this.place)));
      this.place += 1;
    }
    return Float32Array.from(rows);
  }

  close() {
    for (const one of [...Object.values(this.cache), ...Object.values(this.fixed)]) one.delete();
  }
}

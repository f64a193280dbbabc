// A text whose cache grows with every step, in an .onnx with the names of Optimum.

const [PAST, PRESENT] = ["past_key_values.", "present."];

/** Return whether a file has such a cache. */
export function hasGrowingCache(session) {
  return session.inputNames.some((name) => name.startsWith(PAST));
}

export class GrowingText {
  /** Begin a text without tokens; `source` has the tokens and the mask of a text that is translated. */
  constructor(library, session, source) {
    this.library = library;
    this.session = session;
    this.context = Infinity; // The file sets no limit.
    this.mask = source ? Array.from(source.source_mask) : null;
    this.source = source ? Array.from(source.source) : [];
    this.place = 0;
    const caches = session.inputMetadata.filter((one) => one.name.startsWith(PAST));
    this.cache = Object.fromEntries(caches.map(({ name, shape }) => [name, this.empty(shape)]));
  }

  empty([, heads, , size]) {
    return new this.library.Tensor("float32", new Float32Array(0), [1, heads, 0, size]);
  }

  integers(values) {
    return new this.library.Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  }

  async read(tokens) {
    const found = await this.session.run({ ...this.inputs(tokens), ...this.cache });
    const names = Object.keys(this.cache);
    this.cache = Object.fromEntries(names.map((name) => [name, found[name.replace(PAST, PRESENT)]]));
    this.place += tokens.length;
    this.source = []; // The first step alone reads the source.
    return Float32Array.from(found.logits.data);
  }

  inputs(tokens) {
    if (this.mask) {
      return {
        input_ids: this.integers(this.source),
        attention_mask: this.integers(this.mask),
        decoder_input_ids: this.integers(tokens),
      };
    }
    return {
      input_ids: this.integers(tokens),
      attention_mask: this.integers(new Array(this.place + tokens.length).fill(1)),
      position_ids: this.integers(tokens.map((_, at) => this.place + at)),
    };
  }

  async prefill(tokens) {
    await this.read(tokens);
  }

  close() {}
}

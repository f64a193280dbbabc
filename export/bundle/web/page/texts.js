// From a text to the inputs of a model, by the tokenizer.json beside it, as the tokenizers library pads and cuts.
import { sizeOf, store } from "./tensors.js";

const MASKS = ["[MASK]", "<mask>"];
const ENDS = [
  "</s>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "<eos>", "[SEP]",
];
const KINDS = ["tokens", "token mask", "token segments", "target tokens"];

/** Return whether a text is all that a person has to give. */
export function takesTexts(model) {
  return Boolean(model.tokenizer) && Object.values(model.inputs).every((one) => KINDS.includes(one.kind));
}

/** Load the tokenizer of a model: {encode, ids, decode, token, mask, ends}. */
export async function loadTokenizer(model) {
  const { Tokenizer } = await import("./runtimes/tokenizers/tokenizers.min.mjs");
  const rules = await (await fetch(new URL(model.tokenizer, import.meta.url))).json();
  const tokenizer = new Tokenizer(rules, {});
  const known = (tokens) => tokens.map((token) => tokenizer.token_to_id(token)).filter((id) => id !== undefined);
  return {
    encode: (text, length) => padded(tokenizer, text, length, rules.padding?.pad_id ?? 0),
    ids: (text) => tokenizer.encode(text).ids,
    decode: (ids) => tokenizer.decode(ids, { skip_special_tokens: true }),
    token: (id) => tokenizer.id_to_token(id) ?? "",
    mask: known(MASKS)[0],
    ends: known(ENDS),
  };
}

/** Return the tokens of a text and which of them are no padding, both of `length`; what is too long is cut off. */
function padded(tokenizer, text, length, padding) {
  const whole = tokenizer.encode(text).ids;
  const kept = whole.length > length ? cut(tokenizer, text, whole, length) : whole;
  const rest = new Array(length - kept.length).fill(0);
  const ids = [...kept, ...rest.map(() => padding)];
  return { ids, mask: [...kept.map(() => 1), ...rest], isCut: whole.length > length };
}

/** Return the first tokens of a text between the special tokens that surround all of them. */
function cut(tokenizer, text, whole, length) {
  const own = tokenizer.encode(text, { add_special_tokens: false }).ids;
  const special = whole.length - own.length;
  const before = [...Array(special + 1).keys()].find((at) => own.every((id, place) => whole[at + place] === id)) ?? 0;
  const after = whole.slice(before + own.length);
  return [...whole.slice(0, before), ...own.slice(0, length - special), ...after];
}

/** Return the stored inputs of a file for an encoded text. */
export function textInputs(model, record, encoded) {
  const values = { tokens: encoded.ids, "token mask": encoded.mask };
  const inputs = record.inputs.map((spec) => {
    const given = values[model.inputs[spec.name].kind] ?? new Array(sizeOf(spec.shape)).fill(0);
    return [spec.name, store(given, spec)];
  });
  return Object.fromEntries(inputs);
}

// Run a file on the golden inputs of its export, and compare with what the native runtime stored at the export.
import { row } from "./npz.js";
import { real } from "./tensors.js";

// The tolerances of `zoo verify` (export/proof/tolerances.py): float sums in another order, also rounded to 16 bits at
// every layer; integers one step apart; and of a device: files that round as they run.
const MIN_SQNR_DB = 90;
const MIN_SQNR_DB_OF_16_BITS = 50;
const MIN_WITHIN_ONE_STEP = 0.98;
const MIN_COSINE = 0.999;
const STEP_SLACK = 1.0001; // a step of float32 numbers is not exact

/** Return one result for each output of a file, in the order of its record. */
export async function selfCheck(record, session, golden, samples = Infinity) {
  const stored = golden.get(`stored/${record.file}/${record.outputs[0].name}`)?.shape[0] ?? 0;
  const count = Math.min(stored, samples);
  const found = record.outputs.map(() => []);
  for (let sample = 0; sample < count; sample += 1) {
    const outputs = await session.run(goldenInputs(record, golden, sample));
    record.outputs.forEach((spec, place) => found[place].push(outputs[spec.name]));
  }
  return record.outputs.map((spec, place) => {
    const expected = golden.get(`stored/${record.file}/${spec.name}`);
    const rows = found[place].map((_, sample) => row(expected, sample));
    return { output: spec.name, samples: count, ...compare(record, spec, rows, found[place]) };
  });
}

/** Return one golden sample as stored inputs by name. */
export function goldenInputs(record, golden, sample) {
  const fed = (spec) => row(golden.get(`fed/${record.file}/${spec.name}`), sample).slice();
  return Object.fromEntries(record.inputs.map((spec) => [spec.name, fed(spec)]));
}

/** Compare stored outputs, a row for each sample, with the recorded ones. */
export function compare(record, spec, recorded, found) {
  if (!found.length || recorded.some((values, at) => values.length !== found[at].length)) {
    return { passed: false, identical: false, words: "the outputs have another size" };
  }
  const expected = joined(recorded, spec);
  const actual = joined(found, spec);
  if (!actual.every(Number.isFinite)) return { passed: false, identical: false, words: "it is NaN or infinite" };
  const isConstant = found.length > 1 && found.every((values) => equal(values, found[0]));
  const isIdentical = recorded.every((values, at) => equal(values, found[at]));
  const error = expected.reduce((worst, one, at) => Math.max(worst, Math.abs(one - actual[at])), 0);
  const measured = { identical: isIdentical, constant: isConstant, max_abs_error: error };
  if (isIdentical) return { passed: true, ...measured, words: "identical to the native runtime" };
  return { ...judge(record, spec, expected, actual, error), ...measured };
}

function judge(record, spec, expected, actual, error) {
  if (record.is_dynamic) {
    const cosine = dot(expected, actual) / Math.sqrt(dot(expected, expected) * dot(actual, actual));
    return { passed: cosine >= MIN_COSINE, words: `cosine ${cosine.toFixed(5)}; at least ${MIN_COSINE} is required` };
  }
  // The rounding of layers to 16 bits is coarser than the steps of the output.
  if (spec.scale !== null && record.precision === "int8") {
    const near = expected.filter((one, at) => Math.abs(one - actual[at]) / spec.scale <= STEP_SLACK).length;
    const share = near / expected.length;
    const most = Math.round(error / spec.scale);
    return { passed: share >= MIN_WITHIN_ONE_STEP, words: `${percent(share)} within one step, ${most} at most` };
  }
  const noise = expected.reduce((sum, one, at) => sum + (one - actual[at]) ** 2, 0);
  const decibels = 10 * Math.log10(dot(expected, expected) / noise);
  const least = record.precision === "w8a16" ? MIN_SQNR_DB_OF_16_BITS : MIN_SQNR_DB;
  const words = `${decibels.toFixed(1)} dB; at least ${least} dB is required`;
  return { passed: decibels >= least, sqnr_db: decibels, words };
}

function joined(rows, spec) {
  const values = new Float64Array(rows.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of rows) {
    values.set(real(one, spec), at);
    at += one.length;
  }
  return values;
}

function equal(some, others) {
  return some.length === others.length && some.every((one, at) => one === others[at]);
}

function dot(some, others) {
  return some.reduce((sum, one, at) => sum + one * others[at], 0);
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

// Run a file on the golden inputs of its export, and compare with what the native runtime stored at the export.
import { row } from "./npz.js";
import { real } from "./tensors.js";

// The tolerances of `zoo verify` (export/proof/tolerances.py): float sums in another order, also rounded to 16 bits at
// every layer; and of a device (export/bundle/deploy/on_device/comparison.py): integers, and files that round as they run.
const MIN_SQNR_DB = 90;
const MIN_SQNR_DB_OF_16_BITS = 50;
const MIN_WITHIN_ONE_STEP = 0.98;
const MOST_STEPS = 4; // farther, few outputs suffice to change the best class
const UNRELATED_DB = 3; // outputs that share little with those of the export
const FARTHER_DB = 1; // that integers may lose of their distance to the model, on the few golden samples
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
    const model = golden.get(`model/${spec.name}`);
    const [rows, modelRows] = [expected, model].map((array) => found[place].map((_, sample) => row(array, sample)));
    const reals = joined(modelRows, { dtype: model.dtype });
    return { output: spec.name, samples: count, ...compare(record, spec, rows, found[place], reals) };
  });
}

/** Return one golden sample as stored inputs by name. */
export function goldenInputs(record, golden, sample) {
  const fed = (spec) => row(golden.get(`fed/${record.file}/${spec.name}`), sample).slice();
  return Object.fromEntries(record.inputs.map((spec) => [spec.name, fed(spec)]));
}

/** Compare stored outputs, a row for each sample, with the recorded ones, and with the numbers of the Keras model. */
export function compare(record, spec, recorded, found, model) {
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
  return { ...judge(record, spec, { expected, actual, error, model }), ...measured };
}

function judge(record, spec, { expected, actual, error, model }) {
  if (record.is_dynamic) {
    const cosine = dot(expected, actual) / Math.sqrt(dot(expected, expected) * dot(actual, actual));
    return { passed: cosine >= MIN_COSINE, words: `cosine ${cosine.toFixed(5)}; at least ${MIN_COSINE} is required` };
  }
  // The rounding of layers to 16 bits is coarser than the steps of the output.
  if (record.has_integer_activations && record.precision !== "w8a16") {
    return withinSteps(spec, expected, actual, error) ?? asNear(expected, actual, model);
  }
  const decibels = sqnrDb(expected, actual);
  const least = record.precision === "w8a16" ? MIN_SQNR_DB_OF_16_BITS : MIN_SQNR_DB;
  const words = `${decibels.toFixed(1)} dB; at least ${least} dB is required`;
  return { passed: decibels >= least, sqnr_db: decibels, words };
}

/** Return that integers are those of the export but for single steps; null if they are not. */
function withinSteps(spec, expected, actual, error) {
  if (spec.scale === null) return null;
  const near = expected.filter((one, at) => Math.abs(one - actual[at]) / spec.scale <= STEP_SLACK).length;
  const share = near / expected.length;
  const most = error / spec.scale;
  if (share < MIN_WITHIN_ONE_STEP || most > MOST_STEPS * STEP_SLACK) return null;
  return { passed: true, words: `${percent(share)} within one step, ${Math.round(most)} at most` };
}

/** Judge integers that are rounded otherwise here: they must lose no more of the model than at the export. */
function asNear(expected, actual, model) {
  const [recordedDb, hereDb, betweenDb] = [sqnrDb(model, expected), sqnrDb(model, actual), sqnrDb(expected, actual)];
  const passed = betweenDb >= Math.max(recordedDb, UNRELATED_DB) && hereDb >= recordedDb - FARTHER_DB;
  const words = `rounded otherwise here, ${betweenDb.toFixed(1)} dB from the export; ${hereDb.toFixed(1)} dB from ` +
    `the Keras model, ${recordedDb.toFixed(1)} dB at the export`;
  return { passed, words };
}

/** Return the ratio of the power of what is expected to that of the difference. */
function sqnrDb(expected, found) {
  const noise = expected.reduce((sum, one, at) => sum + (one - found[at]) ** 2, 0);
  return noise ? 10 * Math.log10(dot(expected, expected) / noise) : Infinity;
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

// Run a file on the golden inputs of its export, and compare with the outputs of the native runtime at the export.
import { row } from "./npz.js";
import { compare, real, store } from "./tensors.js";

// The thresholds of `zoo verify`: float32 added in another order; integers that differ by one step of rounding.
const MIN_SQNR_DB = 90;
const MIN_WITHIN_ONE_STEP = 0.98;

/** Return one result for each output of a file, in the order of its record. */
export async function selfCheck(model, record, session, golden) {
  const differences = record.outputs.map(() => []);
  const count = golden.get(`stored/${record.file}/${record.outputs[0].name}`)?.shape[0] ?? 0;
  for (let sample = 0; sample < count; sample += 1) {
    const outputs = await session.run(goldenInputs(model, record, golden, sample));
    record.outputs.forEach((spec, place) => {
      const expected = row(golden.get(`stored/${record.file}/${spec.name}`), sample);
      differences[place].push(difference(expected, outputs[spec.name], spec));
    });
  }
  return record.outputs.map((spec, place) => summary(spec, differences[place]));
}

/** Return one golden sample as stored inputs by name. */
export function goldenInputs(model, record, golden, sample) {
  const photo = photoInput(model);
  const inputs = record.inputs.map((spec) => {
    const isBytes = record.takes_camera_bytes && spec.name === photo && golden.has("photos");
    const values = row(golden.get(isBytes ? "photos" : `input/${spec.name}`), sample);
    return [spec.name, isBytes ? values.slice() : store(values, spec)];
  });
  return Object.fromEntries(inputs);
}

/** Return the name of the input that photos become; undefined if no input is a photo. */
export function photoInput(model) {
  return Object.keys(model.inputs).find((name) => model.inputs[name].kind === "photo");
}

function difference(expected, actual, spec) {
  let exact = 0;
  let near = 0;
  for (let at = 0; at < expected.length; at += 1) {
    const steps = Math.abs(Number(expected[at]) - Number(actual[at]));
    exact += steps === 0 || (Number.isNaN(Number(expected[at])) && Number.isNaN(Number(actual[at]))) ? 1 : 0;
    near += steps <= 1 ? 1 : 0;
  }
  const size = expected.length;
  const isSameSize = actual.length === size;
  return { size, exact, near, isSameSize, ...compare(real(expected, spec), real(actual, spec)) };
}

function summary(spec, found) {
  const total = (key) => found.reduce((sum, one) => sum + one[key], 0);
  const size = total("size");
  const decibels = found.map((one) => one.sqnr_db).filter((one) => one !== null);
  const isQuantized = spec.scale !== null && spec.zero_point !== null && spec.dtype.endsWith("int8");
  const isExact = size > 0 && total("exact") === size && found.every((one) => one.isSameSize);
  const sqnr = decibels.length ? Math.min(...decibels) : null;
  const isNear = isQuantized ? total("near") >= MIN_WITHIN_ONE_STEP * size : sqnr === null || sqnr >= MIN_SQNR_DB;
  return {
    output: spec.name,
    samples: found.length,
    identical: isExact,
    identical_share: size ? total("exact") / size : 0,
    max_abs_error: Math.max(0, ...found.map((one) => one.max_abs_error)),
    min_sqnr_db: sqnr,
    passed: size > 0 && found.every((one) => one.isSameSize) && isNear,
  };
}

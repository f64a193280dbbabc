// Stored and real numbers of a tensor, as the manifest describes it: {name, shape, dtype, scale, zero_point}.
import { roundHalfToEven } from "./preprocess.js";

export const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array, // the bits of the numbers
};
const LIMITS = { int8: [-128, 127], uint8: [0, 255], int16: [-32768, 32767], uint16: [0, 65535] };

/** Return how many numbers a tensor of this shape has. */
export function sizeOf(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

function isQuantized(spec) {
  return spec.scale !== null && spec.scale !== undefined && spec.zero_point !== null && spec.zero_point !== undefined;
}

/** Return real numbers in the form in which a tensor stores them. */
export function store(values, spec) {
  const stored = new ARRAYS[spec.dtype](values.length);
  const [least, most] = isQuantized(spec) ? LIMITS[spec.dtype] : [];
  for (let at = 0; at < values.length; at += 1) {
    if (isQuantized(spec)) {
      const step = roundHalfToEven(Number(values[at]) / spec.scale) + spec.zero_point;
      stored[at] = Math.min(most, Math.max(least, step));
    } else {
      stored[at] = spec.dtype === "int64" ? BigInt(values[at]) : Number(values[at]);
    }
  }
  return stored;
}

/** Return the real numbers that a stored tensor represents. */
export function real(stored, spec) {
  const values = spec.dtype === "float16" ? Float64Array.from(stored, fromHalf) : Float64Array.from(stored, Number);
  if (isQuantized(spec)) {
    for (let at = 0; at < values.length; at += 1) values[at] = (values[at] - spec.zero_point) * spec.scale;
  }
  return values;
}

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

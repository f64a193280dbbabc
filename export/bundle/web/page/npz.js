// Read an .npz: a zip archive of arrays in the format of numpy.
import { ARRAYS, sizeOf } from "./tensors.js";

const DTYPES = {
  "<f4": "float32", "<f8": "float64", "<f2": "float16", "|i1": "int8", "|u1": "uint8", "<i2": "int16", "<u2": "uint16",
  "<i4": "int32", "<u4": "uint32", "<i8": "int64", "|b1": "bool",
};
const END_OF_DIRECTORY = 0x06054b50;
const STORED = 0;

/** Return the arrays of an .npz (an ArrayBuffer) by name: {shape, dtype, data}. */
export async function readNpz(content) {
  const view = new DataView(content);
  const arrays = new Map();
  for (const member of members(view)) {
    arrays.set(member.name.replace(/\.npy$/, ""), readNpy(await unpacked(view, member)));
  }
  return arrays;
}

function* members(view) {
  let end = view.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== END_OF_DIRECTORY) end -= 1;
  if (end < 0) throw new Error("the file is no zip archive");
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    yield {
      name: new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, name)),
      method: view.getUint16(at + 10, true),
      size: view.getUint32(at + 20, true),
      header: view.getUint32(at + 42, true),
    };
    at += 46 + name + extra + comment;
  }
}

async function unpacked(view, member) {
  const [name, extra] = [26, 28].map((place) => view.getUint16(member.header + place, true));
  const packed = new Uint8Array(view.buffer, member.header + 30 + name + extra, member.size);
  if (member.method === STORED) return packed.slice().buffer;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

function readNpy(content) {
  const view = new DataView(content);
  const isLong = view.getUint8(6) >= 2; // of the format, whose header has a length in 4 bytes then
  const length = isLong ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (isLong ? 12 : 10) + length;
  const header = new TextDecoder("latin1").decode(new Uint8Array(content, start - length, length));
  const dtype = DTYPES[/'descr': '([^']+)'/.exec(header)[1]];
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(",").filter((word) => word.trim()).map(Number);
  if (!dtype || /'fortran_order': True/.test(header)) throw new Error(`an array of the unknown kind ${header}`);
  return { dtype, shape, data: new ARRAYS[dtype](content.slice(start), 0, sizeOf(shape)) };
}

/** Return one row of an array (N, ...) as a view. */
export function row(array, index) {
  const size = sizeOf(array.shape.slice(1));
  return array.data.subarray(index * size, (index + 1) * size);
}

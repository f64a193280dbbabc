// The two runtimes behind one interface: open(record, content) gives {runtime, run}, and `run` takes stored inputs by
// name and returns stored outputs by name; a file that writes a text has `begin` as well (decoders.js). Both runtimes
// lie in this folder; nothing is loaded from elsewhere.
import { inLiteRt, inOnnxRuntime } from "./decoders.js";
import { ARRAYS } from "./tensors.js";

const MOST_THREADS = 4;

/** Load a model file into the runtime of its format. */
export async function open(record, content) {
  const runtime = RUNTIMES[record.format];
  if (!runtime) throw new Error(`no runtime here loads .${record.format} files`);
  return runtime(record, content);
}

const RUNTIMES = { tflite: openInLiteRt, onnx: openInOnnxRuntime };

let liteRt = null;

async function openInLiteRt(record, content) {
  const library = await import("./runtimes/litert/litert.js");
  liteRt ??= library.loadLiteRt(new URL("./runtimes/litert/", import.meta.url).href);
  await liteRt;
  const model = await library.loadAndCompile(new Uint8Array(content), { accelerator: "wasm" });
  const run = async (inputs) => {
    const tensors = Object.fromEntries(
      record.inputs.map((spec) => [spec.name, new library.Tensor(inputs[spec.name], spec.shape)]),
    );
    const found = await model.run(tensors);
    const outputs = Object.fromEntries(record.outputs.map((spec) => [spec.name, found[spec.name].toTypedArray()]));
    for (const tensor of [...Object.values(tensors), ...Object.values(found)]) tensor.delete();
    return outputs;
  };
  return { runtime: "LiteRT.js", run, ...inLiteRt(library, model), close: () => model.delete() };
}

async function openInOnnxRuntime(record, content) {
  const library = await import("./runtimes/onnxruntime/ort.wasm.min.mjs");
  library.env.wasm.wasmPaths = new URL("./runtimes/onnxruntime/", import.meta.url).href;
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  library.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(MOST_THREADS, cores) : 1;
  const session = await library.InferenceSession.create(new Uint8Array(content), { executionProviders: ["wasm"] });
  const run = async (inputs) => {
    const feeds = Object.fromEntries(
      record.inputs.map((spec) => [spec.name, new library.Tensor(spec.dtype, inputs[spec.name], spec.shape)]),
    );
    const found = await session.run(feeds);
    const stored = (spec) => ARRAYS[spec.dtype].from(found[spec.name].data);
    return Object.fromEntries(record.outputs.map((spec) => [spec.name, stored(spec)]));
  };
  return { runtime: "ONNX Runtime Web", run, ...inOnnxRuntime(library, session), close: () => session.release() };
}

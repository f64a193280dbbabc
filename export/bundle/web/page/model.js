// The bundle beside the page: model.json, its files, and what becomes of a photo.
import { readNpz } from "./npz.js";
import { fitPhoto, normalise } from "./preprocess.js";
import { open } from "./runtimes.js";
import { sizeOf, store } from "./tensors.js";

const BASE = new URL("./", import.meta.url);

async function fetched(name) {
  const response = await fetch(new URL(name, BASE));
  if (!response.ok) throw new Error(`${name} cannot be loaded: ${response.status} ${response.statusText}`);
  return response;
}

/** Return the content of model.json, with the names of the classes as `classNames`, and what page.json adds. */
export async function loadModel() {
  const model = { ...(await (await fetched("model.json")).json()), ...(await (await fetched("page.json")).json()) };
  const labels = model.labels ? await (await fetched(model.labels)).text() : "";
  return { ...model, classNames: labels.split("\n").filter((line, at, lines) => line || at < lines.length - 1) };
}

/** Load one of the model's files into its runtime. */
export async function loadFile(record) {
  const response = await fetched(record.file);
  return open(record, await response.arrayBuffer());
}

/** Return the golden data of the model, or null without them. */
export async function loadGolden(model) {
  return model.golden ? readNpz(await (await fetched(model.golden)).arrayBuffer()) : null;
}

/** Return the example photo of the model as a blob. */
export async function loadExample(model) {
  return (await fetched(model.example)).blob();
}

/** Return the name of the input that photos become; undefined if no input is a photo. */
export function photoInput(model) {
  return Object.keys(model.inputs).find((name) => model.inputs[name].kind === "photo");
}

/** Return whether a photo is all that a person has to give. */
export function takesPhotos(model) {
  const kinds = Object.values(model.inputs).map((one) => one.kind);
  return kinds.includes("photo") && kinds.every((kind) => kind === "photo" || kind === "random" || kind === "zeros");
}

/** Return the stored inputs of a file for a photo {data, width, height, channels}; noise is drawn beside it. */
export function photoInputs(model, record, image) {
  const name = photoInput(model);
  const inputs = record.inputs.map((spec) => {
    if (spec.name !== name) return [spec.name, store(generated(model.inputs[spec.name], spec), spec)];
    const bytes = fitPhoto(image, model.inputs[name]);
    return [name, record.takes_camera_bytes ? bytes : store(normalise(bytes, model.inputs[name]), spec)];
  });
  return Object.fromEntries(inputs);
}

function generated(contract, spec) {
  const values = new Float32Array(sizeOf(spec.shape));
  return contract?.kind === "random" ? values.map(standardNormal) : values;
}

function standardNormal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

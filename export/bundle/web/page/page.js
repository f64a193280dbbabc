// The page: choose a file of the model, give it a photo, and see predictions and times.
import { loadExample, loadFile, loadGolden, loadModel, photoInputs, takesPhotos } from "./model.js";
import { draw, drawBoxes, drawMask, readFrame, readPhoto } from "./photo.js";
import { predict } from "./predictions.js";
import { goldenInputs, selfCheck } from "./selfcheck.js";
import { real } from "./tensors.js";

const element = (id) => document.getElementById(id);
const state = { model: null, record: null, session: null, image: null, stream: null };

async function start() {
  state.model = await loadModel();
  const { model } = state;
  element("title").textContent = model.title;
  document.title = `${model.title} in the browser`;
  element("about").textContent = [model.task, ...Object.entries(model.inputs).map(([name, one]) => about(name, one))]
    .filter(Boolean).join(" · ");
  element("untrained").hidden = model.trained;
  element("versions").textContent = Object.entries(model.versions).filter(([, one]) => one)
    .map(([tool, version]) => `${tool} ${version}`).join(" · ");
  element("file").replaceChildren(...model.files.map((one, at) => new Option(one.file, at)));
  element("photo-part").hidden = !takesPhotos(model);
  element("example").hidden = !model.example;
  listen();
  await choose(0);
}

function about(name, contract) {
  if (contract.kind !== "photo") return `${name}: ${contract.kind}`;
  return `photo ${contract.width} × ${contract.height}, ${contract.colours}`;
}

/** Load one of the model's files. */
async function choose(index) {
  await state.session?.close?.();
  state.record = state.model.files[index];
  say(`loading ${state.record.file} …`);
  const begin = performance.now();
  state.session = await loadFile(state.record);
  say(`${state.record.file} in ${state.session.runtime}, loaded in ${milliseconds(performance.now() - begin)}`);
  if (state.image) await runPhoto(state.image);
  else if (!takesPhotos(state.model)) await runGolden();
}

async function runPhoto(image) {
  state.image = image;
  const begin = performance.now();
  const inputs = photoInputs(state.model, state.record, image);
  const prepared = performance.now();
  const outputs = await state.session.run(inputs);
  const times = { prepare: prepared - begin, run: performance.now() - prepared };
  draw(element("canvas"), image);
  element("invitation").hidden = true;
  element("video").hidden = true;
  return show(outputs, times);
}

/** Run the first golden input, for a model that takes no photo. */
async function runGolden() {
  const golden = await loadGolden(state.model);
  if (!golden) return;
  const inputs = goldenInputs(state.record, golden, 0);
  const begin = performance.now();
  show(await state.session.run(inputs), { run: performance.now() - begin }, "of the first golden input");
}

/** Show stored outputs; return the prediction. */
function show(stored, times, source = "") {
  const { model, record } = state;
  const outputs = Object.fromEntries(record.outputs.map((spec) => [spec.name, real(stored[spec.name], spec)]));
  const prediction = predict(model, record, outputs);
  element("rows").replaceChildren(...(prediction ? prediction.rows.map(row) : record.outputs.map(numbers(outputs))));
  if (prediction && !prediction.rows.length && prediction.nothing) element("rows").textContent = prediction.nothing;
  element("picture").hidden = true;
  if (prediction?.boxes) drawBoxes(element("canvas"), prediction.boxes);
  if (prediction?.mask) drawMask(element("picture"), prediction.mask);
  if (prediction?.picture) draw(element("picture"), prediction.picture);
  const prepare = times.prepare === undefined ? "" : `, photo prepared in ${milliseconds(times.prepare)}`;
  element("timing").textContent =
    `${milliseconds(times.run)} in ${state.session.runtime}${prepare}; ${record.file} ${source}`;
  return prediction;
}

function row({ title, share }) {
  const item = document.createElement("li");
  item.innerHTML = '<div class="line"><span class="name"></span><span class="share"></span></div>' +
    '<div class="track"><div class="bar"></div></div>';
  item.querySelector(".name").textContent = title;
  item.querySelector(".share").textContent = `${(100 * share).toFixed(1)} %`;
  item.querySelector(".bar").style.width = `${Math.max(0, Math.min(100, 100 * share))}%`;
  return item;
}

/** Return a function that lists the first numbers of an output. */
function numbers(outputs) {
  return (spec) => {
    const item = document.createElement("li");
    const text = document.createElement("pre");
    text.className = "numbers";
    const first = Array.from(outputs[spec.name].slice(0, 12), (one) => one.toPrecision(5)).join(" ");
    text.textContent = `${spec.name} [${spec.shape.join(", ")}]: ${first} …`;
    item.append(text);
    return item;
  };
}

/** Check all files on the golden data; return what the page says, as data. */
async function checkAll() {
  const golden = await loadGolden(state.model);
  const before = element("file").selectedIndex;
  element("results").replaceChildren();
  const found = [];
  for (const [index, record] of state.model.files.entries()) {
    const checked = await checkFile(index, record, golden);
    found.push(checked);
    element("results").append(...checked.outputs.map((one) => verdict(checked, one)));
  }
  if (element("file").selectedIndex !== before) await select(before);
  return { passed: found.every((one) => one.passed), files: found };
}

async function checkFile(index, record, golden) {
  const facts = { file: record.file, precision: record.precision };
  try {
    await select(index);
    const outputs = await selfCheck(record, state.session, golden);
    // Equal outputs for different inputs would show nothing.
    const passed = outputs.every((one) => one.passed) && !outputs.every((one) => one.constant);
    return { ...facts, runtime: state.session.runtime, outputs, passed };
  } catch (error) {
    const words = String(error?.message ?? error);
    return { ...facts, runtime: null, outputs: [{ output: "", passed: false, words }], passed: false };
  }
}

async function select(index) {
  element("file").selectedIndex = index;
  await choose(index);
}

function verdict(checked, { output, passed, samples, words }) {
  const item = document.createElement("li");
  item.className = passed && checked.passed ? "good" : "failed";
  const where = [checked.file, output].filter(Boolean).join(", ");
  const constant = passed && !checked.passed ? "; the outputs are the same for every input" : "";
  item.textContent = `${where}: ${words}${samples ? `, ${samples} samples` : ""}${constant}`;
  return item;
}

async function webcam() {
  if (state.stream) return stopWebcam();
  try {
    state.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    say(`the webcam cannot be used: ${error.message}`);
    return;
  }
  const video = element("video");
  video.srcObject = state.stream;
  await video.play();
  element("webcam").textContent = "Stop";
  while (state.stream) {
    await runPhoto(readFrame(video));
    await new Promise(requestAnimationFrame);
  }
}

function stopWebcam() {
  state.stream.getTracks().forEach((track) => track.stop());
  state.stream = null;
  element("webcam").textContent = "Webcam";
}

function listen() {
  const drop = element("drop");
  const pick = () => element("chosen").click();
  const take = (file) => file && guarded(async () => runPhoto(await readPhoto(file)));
  element("file").onchange = (event) => guarded(() => choose(Number(event.target.value)));
  element("choose").onclick = drop.onclick = pick;
  drop.onkeydown = (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), pick());
  element("chosen").onchange = (event) => take(event.target.files[0]);
  drop.ondragover = (event) => (event.preventDefault(), drop.classList.add("over"));
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  };
  element("webcam").onclick = () => guarded(webcam);
  element("example").onclick = () => guarded(async () => runPhoto(await readPhoto(await loadExample(state.model))));
  element("check-button").onclick = () => guarded(checkAll);
}

/** Run something; say what went wrong. */
async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    say(`error: ${error?.message ?? error}`);
    throw error;
  }
}

function say(words) {
  element("status").textContent = words;
}

function milliseconds(time) {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}

/** What tests and other scripts of this page may call. */
export const page = { started: guarded(start), runPhoto, readPhoto, checkAll, state };
globalThis.page = page;

const query = new URLSearchParams(location.search);
page.started.then(async () => {
  if (!query.has("selfcheck")) return;
  const result = document.createElement("script");
  result.type = "application/json";
  result.id = "selfcheck";
  result.textContent = JSON.stringify(await checkAll());
  document.body.append(result);
});

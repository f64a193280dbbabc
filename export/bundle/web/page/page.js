// The page: choose a file of the model, give it a photo or a text, and see predictions and times.
import { loadExample, loadFile, loadGolden, loadModel, photoInputs, takesPhotos } from "./model.js";
import { draw, drawBoxes, drawMask, readFrame, readPhoto } from "./photo.js";
import { predict } from "./predictions.js";
import { goldenInputs, selfCheck } from "./selfcheck.js";
import { milliseconds, numbers, row, verdict, written } from "./shown.js";
import { real } from "./tensors.js";
import { EXAMPLES, runText } from "./text_tasks.js";
import { loadTokenizer, takesTexts } from "./texts.js";

const element = (id) => document.getElementById(id);
const state = { model: null, record: null, session: null, tokenizer: null, image: null, stream: null };

async function start() {
  const model = (state.model = await loadModel());
  describe(model);
  listen();
  if (takesTexts(model)) state.tokenizer = await loadTokenizer(model);
  await choose(0);
}

function describe(model) {
  element("title").textContent = model.title;
  document.title = `${model.title} in the browser`;
  const inputs = Object.entries(model.inputs).map(([name, one]) => about(name, one));
  element("about").textContent = [model.task, ...inputs].filter(Boolean).join(" · ");
  element("untrained").hidden = model.trained;
  element("versions").textContent = [...model.libraries, model.licence.replaceAll("*", "")].join(" · ");
  element("file").replaceChildren(...model.files.map((one, at) => new Option(one.file, at)));
  element("photo-part").hidden = !takesPhotos(model);
  element("example").hidden = !model.example;
  element("text-part").hidden = !takesTexts(model);
  element("golden-part").hidden = takesPhotos(model) || takesTexts(model);
  element("text").value = EXAMPLES[model.task] ?? "";
}

function about(name, contract) {
  if (contract.kind === "tokens") return "reads a text";
  if (["token mask", "token segments", "target tokens"].includes(contract.kind)) return "";
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
  else if (!element("golden-part").hidden) await runGolden();
}

async function runPhoto(image) {
  state.image = image;
  const begin = performance.now();
  const inputs = photoInputs(state.model, state.record, image);
  const prepared = performance.now();
  const stored = await state.session.run(inputs);
  const time = performance.now() - prepared;
  draw(element("canvas"), image);
  element("invitation").hidden = true;
  show(read(stored));
  tellTime(time, `, photo prepared in ${milliseconds(prepared - begin)}`);
}

async function runWords() {
  const { model, record, session, tokenizer } = state;
  const begin = performance.now();
  const tell = (text) => element("rows").replaceChildren(written(text));
  const found = await runText(model, record, session, tokenizer, element("text").value, tell);
  show(found);
  tellTime(performance.now() - begin, found.isCut ? ", the text is too long and was cut off" : "");
}

/** Run the first golden input, for a model that takes neither photo nor text. */
async function runGolden() {
  const golden = await loadGolden(state.model);
  const begin = performance.now();
  const stored = await state.session.run(goldenInputs(state.record, golden, 0));
  const time = performance.now() - begin;
  show(read(stored));
  tellTime(time, ", the first golden input");
}

/** Return stored outputs as real numbers, and what they mean. */
function read(stored) {
  const { model, record } = state;
  const outputs = Object.fromEntries(record.outputs.map((spec) => [spec.name, real(stored[spec.name], spec)]));
  return { ...predict(model, record, outputs), outputs };
}

/** Show what a model says: a text, rows, a picture, or else its numbers. */
function show(found) {
  const shapes = Object.fromEntries(state.record.outputs.map((spec) => [spec.name, spec.shape]));
  const outputs = Object.entries(found.outputs ?? {}).map(([name, values]) => numbers(name, shapes[name], values));
  const rows = found.written !== undefined ? [written(found.written)] : (found.rows ?? []).map(row);
  const isEmpty = !rows.length && (found.nothing || found.picture);
  element("rows").replaceChildren(...(rows.length || isEmpty ? rows : outputs));
  if (!rows.length && found.nothing) element("rows").textContent = found.nothing;
  element("picture").hidden = true;
  if (found.boxes) drawBoxes(element("canvas"), found.boxes);
  if (found.mask) drawMask(element("picture"), found.mask);
  if (found.picture) draw(element("picture"), found.picture);
}

function tellTime(time, more) {
  element("timing").textContent = `${milliseconds(time)} in ${state.session.runtime}${more}; ${state.record.file}`;
}

/** Check all files on the golden data, or on its first samples; return what the page says, as data. */
async function checkAll(samples = Infinity) {
  const golden = await loadGolden(state.model);
  const before = element("file").selectedIndex;
  element("results").replaceChildren();
  const found = [];
  for (const [index, record] of state.model.files.entries()) {
    const checked = await checkFile(index, record, golden, samples);
    found.push(checked);
    element("results").append(...checked.outputs.map((one) => verdict(checked, one)));
  }
  if (element("file").selectedIndex !== before) await select(before);
  return { passed: found.every((one) => one.passed), files: found };
}

async function checkFile(index, record, golden, samples) {
  const facts = { file: record.file, precision: record.precision };
  try {
    await select(index);
    const outputs = await selfCheck(record, state.session, golden, samples);
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
  element("read").onclick = () => guarded(runWords);
  element("check-button").onclick = () => guarded(() => checkAll());
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

/** What tests, and scripts of this page, may use. */
export const page = { started: guarded(start), checkAll, state };
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

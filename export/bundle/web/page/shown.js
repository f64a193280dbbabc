// Rows of the page: predictions with lines for their shares, numbers, and verdicts of the self-check.

/** Return a prediction with a line for its share. */
export function row({ title, share }) {
  const item = document.createElement("li");
  item.innerHTML = '<div class="line"><span class="name"></span><span class="share"></span></div>' +
    '<div class="track"><div class="bar"></div></div>';
  item.querySelector(".name").textContent = title;
  item.querySelector(".share").textContent = `${(100 * share).toFixed(1)} %`;
  item.querySelector(".bar").style.width = `${Math.max(0, Math.min(100, 100 * share))}%`;
  return item;
}

/** Return the first numbers of an output. */
export function numbers(name, shape, values) {
  const item = document.createElement("li");
  const text = document.createElement("pre");
  text.className = "numbers";
  const first = Array.from(values.slice(0, 12), (one) => one.toPrecision(5)).join(" ");
  text.textContent = `${name} [${shape.join(", ")}]: ${first}${values.length > 12 ? " …" : ""}`;
  item.append(text);
  return item;
}

/** Return a text that a model wrote. */
export function written(text) {
  const item = document.createElement("li");
  item.className = "written";
  item.textContent = text;
  return item;
}

/** Return the result for one output of a file. */
export function verdict(checked, { output, passed, samples, words }) {
  const item = document.createElement("li");
  item.className = passed && checked.passed ? "good" : "failed";
  const where = [checked.file, output].filter(Boolean).join(", ");
  const constant = passed && !checked.passed ? "; the outputs are the same for every input" : "";
  item.textContent = `${where}: ${words}${samples ? `, ${samples} samples` : ""}${constant}`;
  return item;
}

/** Return a time in words. */
export function milliseconds(time) {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}

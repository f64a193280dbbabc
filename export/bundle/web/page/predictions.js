// What the outputs of a model mean: the same as `zoo run` prints. Outputs are real numbers by name.

const PROBABILITY_SLACK = 0.01; // for rounding, up to the last bit of an int8 probability
const MIN_SCORE = 0.25;
const MOST_OVERLAP = 0.45;
const LARGEST_POWER = 50;

/** Return the prediction: {rows: [{title, share}], boxes?, mask?, picture?}; null if nobody knows the meaning. */
export function predict(model, record, outputs, top = 5) {
  const read = READERS[model.task] ?? READERS[""];
  return read(model, record, outputs, top);
}

const READERS = {
  classification,
  "text classification": classification,
  detection,
  segmentation,
  generation,
  "": classification,
};

function classification(model, record, outputs, top) {
  const [spec] = record.outputs;
  if (record.outputs.length !== 1 || spec.shape.length !== 2 || spec.shape[1] < 2) return null;
  const shares = probabilities(outputs[spec.name]);
  return { rows: highest(shares, top).map((index) => ({ index, title: nameOf(model, index), share: shares[index] })) };
}

/** Return scores as probabilities: unchanged if all lie between 0 and 1, else their softmax. */
export function probabilities(scores) {
  const most = scores.reduce((one, other) => Math.max(one, other), -Infinity);
  const least = scores.reduce((one, other) => Math.min(one, other), Infinity);
  if (least >= -PROBABILITY_SLACK && most <= 1 + PROBABILITY_SLACK) return Array.from(scores);
  const powers = Array.from(scores, (one) => Math.exp(one - most));
  const sum = powers.reduce((total, one) => total + one, 0);
  return powers.map((one) => one / sum);
}

function highest(values, top) {
  return values.map((_, index) => index).sort((one, other) => values[other] - values[one] || one - other).slice(0, top);
}

function nameOf(model, index) {
  return model.classNames[index] ?? `class ${index}`;
}

function segmentation(model, record, outputs, top) {
  const [spec] = record.outputs;
  if (record.outputs.length !== 1 || spec.shape.length !== 4) return null;
  const [, height, width, classes] = spec.shape;
  const scores = outputs[spec.name];
  const mask = new Uint16Array(height * width);
  const counts = new Array(classes).fill(0);
  for (let pixel = 0; pixel < mask.length; pixel += 1) {
    for (let index = 1; index < classes; index += 1) {
      if (scores[pixel * classes + index] > scores[pixel * classes + mask[pixel]]) mask[pixel] = index;
    }
    counts[mask[pixel]] += 1;
  }
  const rows = highest(counts, top).filter((index) => counts[index]);
  return {
    rows: rows.map((index) => ({ index, title: nameOf(model, index), share: counts[index] / mask.length })),
    mask: { width, height, classes: mask },
  };
}

function detection(model, record, outputs, top = 20) {
  const meaning = model.meaning;
  if (!meaning?.heads) return null;
  const found = meaning.heads.flatMap((head) => {
    const spec = record.outputs.find((one) => one.name === head.output);
    return candidates(outputs[head.output], spec.shape, head, meaning);
  });
  const objects = suppress(found).slice(0, Math.max(top, 20));
  const rows = objects.map(({ index, score }) => ({ index, title: nameOf(model, index), share: score }));
  const boxes = objects.map((one) => ({ ...one, title: nameOf(model, one.index) }));
  return { rows, boxes, nothing: "no object detected" };
}

const sigmoid = (x) => 0.5 * Math.tanh(0.5 * x) + 0.5;

/** Return the objects above the least score that one grid predicts; edges are shares of the photo. */
function candidates(raw, [, rows, columns], head, meaning) {
  const numbers = 5 + meaning.classes;
  const found = [];
  for (let place = 0; place < rows * columns * head.anchors.length; place += 1) {
    const at = place * numbers;
    const objectness = sigmoid(raw[at + 4]);
    if (objectness <= MIN_SCORE) continue;
    const anchor = head.anchors[place % head.anchors.length];
    const cell = Math.floor(place / head.anchors.length);
    const box = boxOf(raw.subarray(at, at + 4), anchor, [cell % columns, Math.floor(cell / columns)], [columns, rows], {
      stride: head.stride,
      stretch: meaning.scale_x_y,
    });
    for (let index = 0; index < meaning.classes; index += 1) {
      const score = objectness * sigmoid(raw[at + 5 + index]);
      if (score > MIN_SCORE) found.push({ index, score, box });
    }
  }
  return found;
}

function boxOf(numbers, anchor, cell, cells, { stride, stretch }) {
  const edges = [0, 1].map((axis) => {
    const centre = (cell[axis] + stretch * (sigmoid(numbers[axis]) - 0.5) + 0.5) / cells[axis];
    const size = (anchor[axis] * Math.exp(Math.min(numbers[2 + axis], LARGEST_POWER))) / (cells[axis] * stride);
    return [centre - size / 2, centre + size / 2];
  });
  return [edges[0][0], edges[1][0], edges[0][1], edges[1][1]];
}

/** Return the objects that no better one of the same class overlaps, the best first, clipped to the photo. */
function suppress(found) {
  const kept = [];
  for (const one of [...found].sort((some, other) => other.score - some.score)) {
    if (!kept.some((other) => other.index === one.index && overlap(other.box, one.box) > MOST_OVERLAP)) kept.push(one);
  }
  return kept.map((one) => ({ ...one, box: one.box.map((edge) => Math.min(1, Math.max(0, edge))) }));
}

function overlap(one, other) {
  const sides = [0, 1].map((axis) => Math.min(one[axis + 2], other[axis + 2]) - Math.max(one[axis], other[axis]));
  const shared = Math.max(0, sides[0]) * Math.max(0, sides[1]);
  const area = (box) => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
  const union = area(one) + area(other) - shared;
  return union > 0 ? shared / union : 0;
}

/** Return the first output that has the shape of a picture, as grey or RGB bytes from its numbers 0 to 1 or logits. */
function generation(model, record, outputs) {
  const spec = record.outputs.find((one) => one.shape.length === 4 && [1, 3].includes(one.shape[3]));
  if (!spec) return null;
  const values = Array.from(outputs[spec.name]);
  const isShare = values.every((one) => one >= -PROBABILITY_SLACK && one <= 1 + PROBABILITY_SLACK);
  const bytes = Uint8ClampedArray.from(values, (one) => 255 * (isShare ? one : sigmoid(one)));
  return { rows: [], picture: { data: bytes, height: spec.shape[1], width: spec.shape[2], channels: spec.shape[3] } };
}

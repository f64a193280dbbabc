// From a photo to the input of a model, byte for byte as Pillow and the manifest's preprocessing do it.
// An image is {data, width, height, channels}: bytes, row by row.

const PRECISION_BITS = 22; // Pillow's Resample.c: 32 bits less 8 of the pixel and 2 of the overshoot

/** Return the bytes of a photo, fitted to the input: (height, width, channels), RGB or grey. */
export function fitPhoto(image, preprocessing) {
  const { width, height } = preprocessing;
  const source = preprocessing.colours === "GRAY" ? toGrey(image) : toRgb(image);
  if (preprocessing.fit === "stretch") {
    return resize(source, [width, height], [0, 0, width, height], preprocessing.resize).data;
  }
  const ratio = Math.max(width / source.width, height / source.height) / preprocessing.crop_fraction;
  const size = [
    Math.max(width, roundHalfToEven(source.width * ratio)),
    Math.max(height, roundHalfToEven(source.height * ratio)),
  ];
  const left = Math.floor((size[0] - width) / 2);
  const top = Math.floor((size[1] - height) / 2);
  return resize(source, size, [left, top, width, height], preprocessing.resize).data;
}

/** Return bytes of a fitted photo as real numbers: `byte * scale + offset` in float32, in the model's colour order. */
export function normalise(bytes, preprocessing) {
  const channels = preprocessing.colours === "GRAY" ? 1 : 3;
  const scale = perChannel(preprocessing.scale, channels);
  const offset = perChannel(preprocessing.offset, channels);
  const isReversed = preprocessing.colours === "BGR";
  const values = new Float32Array(bytes.length);
  for (let at = 0; at < bytes.length; at += channels) {
    for (let channel = 0; channel < channels; channel += 1) {
      const byte = bytes[at + (isReversed ? channels - 1 - channel : channel)];
      values[at + channel] = Math.fround(byte * scale[channel]) + offset[channel];
    }
  }
  return values;
}

function perChannel(numbers, channels) {
  return Array.from({ length: channels }, (_, channel) => Math.fround(numbers[numbers.length === 1 ? 0 : channel]));
}

/** Return a number rounded as Python and numpy round: halves to the even neighbour. */
export function roundHalfToEven(number) {
  const below = Math.floor(number);
  const rest = number - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

function toRgb(image) {
  const { data, width, height, channels } = image;
  if (channels === 3) return image;
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      rgb[3 * pixel + channel] = data[channels * pixel + (channels === 1 ? 0 : channel)];
    }
  }
  return { data: rgb, width, height, channels: 3 };
}

/** Return an image in grey by Pillow's weights of the colours, in 16 bits. */
function toGrey(image) {
  const { data, width, height, channels } = image;
  if (channels === 1) return image;
  const grey = new Uint8Array(width * height);
  for (let pixel = 0; pixel < grey.length; pixel += 1) {
    const at = channels * pixel;
    grey[pixel] = (19595 * data[at] + 38470 * data[at + 1] + 7471 * data[at + 2] + 0x8000) >> 16;
  }
  return { data: grey, width, height, channels: 1 };
}

/** Return the part `box` [left, top, width, height] of an image that was resized to `size` [width, height]. */
export function resize(image, size, box, filter) {
  if (filter === "nearest") return nearest(image, size, box);
  const wide = image.width === size[0] ? null : coefficients(image.width, size[0], filter);
  const high = image.height === size[1] ? null : coefficients(image.height, size[1], filter);
  if (isVerticalFirst(image, size)) return horizontal(vertical(image, high, box[1], box[3]), wide, box[0], box[2]);
  return vertical(horizontal(image, wide, box[0], box[2]), high, box[1], box[3]);
}

/** Return whether the columns are resized before the rows, as Pillow does since its version 13 (#9549). */
function isVerticalFirst(image, size) {
  return size[1] < image.height && image.height - size[1] > 2 * (image.width - size[0]);
}

function nearest(image, size, box) {
  const { data, channels } = image;
  const columns = nearestPlaces(image.width, size[0]);
  const rows = nearestPlaces(image.height, size[1]);
  const found = new Uint8Array(box[2] * box[3] * channels);
  let at = 0;
  for (let y = box[1]; y < box[1] + box[3]; y += 1) {
    for (let x = box[0]; x < box[0] + box[2]; x += 1) {
      const from = (rows[y] * image.width + columns[x]) * channels;
      for (let channel = 0; channel < channels; channel += 1, at += 1) found[at] = data[from + channel];
    }
  }
  return { data: found, width: box[2], height: box[3], channels };
}

/** Return where the pixels along one axis come from. Pillow adds up the step, so its rounding errors belong here. */
function nearestPlaces(from, to) {
  const step = from / to;
  const places = new Array(to);
  for (let at = 0, place = step * 0.5; at < to; at += 1, place += step) {
    places[at] = Math.min(Math.trunc(place), from - 1);
  }
  return places;
}

const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
};

function bicubic(distance) {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** Return for each output pixel along one axis its first input pixel and the weights of it and the next ones. */
function coefficients(from, to, filter) {
  const { support: radius, weight } = FILTERS[filter];
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = radius * filterScale;
  return Array.from({ length: to }, (_, at) => {
    const center = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const weights = [];
    let sum = 0;
    for (let x = 0; x < end - first; x += 1) {
      weights.push(weight((x + first - center + 0.5) * (1 / filterScale)));
      sum += weights[x];
    }
    const fixed = weights.map((one) => fixedPoint(sum === 0 ? one : one / sum));
    return { first, weights: Int32Array.from(fixed) };
  });
}

function fixedPoint(weight) {
  return Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * 2 ** PRECISION_BITS);
}

/** Return `width` columns from `left` on of an image that was resized along its rows; without weights, of the image. */
function horizontal(image, weights, left, width) {
  const { data, height, channels } = image;
  const found = new Uint8Array(width * height * channels);
  for (let x = 0; x < width; x += 1) {
    const taps = weights ? weights[left + x] : { first: left + x, weights: [2 ** PRECISION_BITS] };
    for (let y = 0; y < height; y += 1) {
      const from = (y * image.width + taps.first) * channels;
      gather(data, from, channels, taps.weights, found, (y * width + x) * channels, channels);
    }
  }
  return { data: found, width, height, channels };
}

/** Return `height` rows from `top` on of an image that was resized along its columns; without weights, of the image. */
function vertical(image, weights, top, height) {
  const { data, width, channels } = image;
  const row = width * channels;
  const found = new Uint8Array(row * height);
  for (let y = 0; y < height; y += 1) {
    const taps = weights ? weights[top + y] : { first: top + y, weights: [2 ** PRECISION_BITS] };
    gather(data, taps.first * row, row, taps.weights, found, y * row, row);
  }
  return { data: found, width, height, channels };
}

/** Write `count` weighted sums of bytes that lie `stride` apart, rounded and clipped to bytes. */
function gather(data, from, stride, weights, found, to, count) {
  for (let at = 0; at < count; at += 1) {
    let sum = 1 << (PRECISION_BITS - 1);
    for (let tap = 0, place = from + at; tap < weights.length; tap += 1, place += stride) {
      sum += data[place] * weights[tap];
    }
    const byte = sum >> PRECISION_BITS;
    found[to + at] = byte < 0 ? 0 : byte > 255 ? 255 : byte;
  }
}

// Pixels of a photo, a webcam frame or a picture: decoded by the browser without changing colours, upright.

/** Return the pixels of a photo file as {data, width, height, channels: 4}. */
export async function readPhoto(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const image = pixels(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  return image;
}

/** Return the present frame of a video. */
export function readFrame(video) {
  return pixels(video, video.videoWidth, video.videoHeight);
}

function pixels(source, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  return { data: context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
}

/** Draw an image of 1, 3 or 4 channels into a canvas, as large as the image. */
export function draw(canvas, image) {
  const { data, width, height, channels } = image;
  const shown = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      shown.data[4 * pixel + channel] = data[channels * pixel + (channels === 1 ? 0 : channel)];
    }
    shown.data[4 * pixel + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(shown, 0, 0);
  canvas.hidden = false;
}

/** Draw boxes, whose edges are shares of the image, with their titles. */
export function drawBoxes(canvas, boxes) {
  const context = canvas.getContext("2d");
  const unit = Math.max(canvas.width, canvas.height) / 400;
  context.lineWidth = 2 * unit;
  context.font = `${Math.round(13 * unit)}px sans-serif`;
  for (const { box, title, index } of boxes) {
    const [left, top, right, bottom] = box.map((edge, at) => edge * (at % 2 ? canvas.height : canvas.width));
    context.strokeStyle = context.fillStyle = colour(index);
    context.strokeRect(left, top, right - left, bottom - top);
    context.fillRect(left, top, context.measureText(title).width + 8 * unit, 18 * unit);
    context.fillStyle = "white";
    context.fillText(title, left + 4 * unit, top + 14 * unit);
  }
}

/** Draw the classes of a mask {width, height, classes} into a canvas; class 0 is black. */
export function drawMask(canvas, { width, height, classes }) {
  const shown = new ImageData(width, height);
  classes.forEach((index, pixel) => shown.data.set([...pascal(index), 255], 4 * pixel));
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(shown, 0, 0);
  canvas.hidden = false;
}

function colour(index) {
  return `hsl(${(index * 137) % 360} 85% 35%)`;
}

/** Return the colour of a class as Pascal VOC spreads the bits of its number over the channels. */
function pascal(index) {
  return [0, 1, 2].map((channel) => {
    let value = 0;
    for (let place = 0; place < 3; place += 1) value |= ((index >> (3 * place + channel)) & 1) << (7 - place);
    return value;
  });
}

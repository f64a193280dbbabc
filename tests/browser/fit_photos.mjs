// Fit raw photos to inputs in Node.js: CASES.json OUT; the preprocessing is that of the page.
// Every case has the bytes of a photo and a preprocessing; OUT gets the bytes of all fitted photos, then their values.
import { readFileSync, writeFileSync } from "node:fs";
import { fitPhoto, normalise } from "../../export/bundle/web/page/preprocess.js";

const [cases, out] = process.argv.slice(2);
const parts = [];
for (const { photo, preprocessing } of JSON.parse(readFileSync(cases, "utf8"))) {
  const image = { ...photo, data: readFileSync(photo.path) };
  const fitted = fitPhoto(image, preprocessing);
  parts.push(fitted, new Uint8Array(normalise(fitted, preprocessing).buffer));
}
writeFileSync(out, Buffer.concat(parts));

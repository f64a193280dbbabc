// Say in Node.js what outputs mean: CASES.json; prints the predictions of the page as JSON.
import { readFileSync } from "node:fs";
import { predict } from "../../export/bundle/web/page/predictions.js";

const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = cases.map(({ model, record, outputs }) => {
  const values = Object.fromEntries(Object.entries(outputs).map(([name, one]) => [name, Float64Array.from(one)]));
  const { mask, ...prediction } = predict(model, record, values);
  return { ...prediction, mask: mask ? Array.from(mask.classes) : null };
});
console.log(JSON.stringify(found));

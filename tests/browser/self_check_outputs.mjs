// Run the self-check of the page in Node.js on outputs that are given: CASE.json; prints its results as JSON.
import { readFileSync } from "node:fs";
import { selfCheck } from "../../export/bundle/web/page/selfcheck.js";
import { ARRAYS } from "../../export/bundle/web/page/tensors.js";

const { record, arrays, found } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const golden = new Map(
  Object.entries(arrays).map(([name, one]) => [name, { ...one, data: ARRAYS[one.dtype].from(one.data) }]),
);
let sample = 0;
const [output] = record.outputs;
const run = async () => ({ [output.name]: ARRAYS[output.dtype].from(found[sample++]) });
console.log(JSON.stringify(await selfCheck(record, { run }, golden)));

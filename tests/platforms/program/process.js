/**
 * The program in Deno, Node and Bun: a line of JSON a step. It stays until it is ended, so that its memory can
 * be read from outside.
 * @module
 */
import { readFile } from "node:fs/promises";
import * as dbn from "@dbn-edge/dbn-edge";
import { run } from "./program.js";

const digits = new Uint8Array(await readFile(new URL("./digits.bin", import.meta.url)));
setInterval(() => {}, 60_000);
await run(dbn, {
  open: async () => await dbn.openEngine(await dbn.loadModel()),
  digits,
  report: (step) => console.log(JSON.stringify(step)),
});

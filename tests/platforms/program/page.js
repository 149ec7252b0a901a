/**
 * The program in a browser: on the page's own thread, and in a worker of the page, which may wait for threads.
 * Each step goes to the server that the page came from.
 * @module
 */
import * as dbn from "@dbn-edge/dbn-edge";
import { run } from "./program.js";

const isPage = typeof document !== "undefined";
const where = isPage ? "page" : "worker";

async function report(step) {
  const body = JSON.stringify({ where, atMs: performance.now(), ...step });
  await fetch("/report", { method: "POST", body });
}

try {
  await run(dbn, {
    open: async () => await dbn.openEngine(await dbn.loadModel()),
    digits: new Uint8Array(await (await fetch("/digits.bin")).arrayBuffer()),
    report,
  });
  if (isPage) {
    const worker = new Worker("/page.js", { type: "module" });
    worker.onerror = ({ message }) => report({ step: "failed", where: "worker", error: message });
  }
} catch (error) {
  await report({ step: "failed", error: String(error?.stack ?? error) });
}

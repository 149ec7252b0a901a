/**
 * Starts peers.py in a virtual environment of its own, and checks that it does the same arithmetic.
 * @module
 */
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { loadModel } from "../../src/repository/model_directory.ts";
import { Measurer } from "./turns.ts";

const environment = `${Deno.env.get("TMPDIR") ?? "/tmp"}/dbn-edge-peers`;

/** PyTorch and scikit-learn, to be asked by turns with ours. */
export interface Peers {
  torch: string;
  measurer: Measurer;
}

/** @throws {Error} if PyTorch computes something else than we do. */
export async function startPeers(): Promise<Peers> {
  const here = new URL("./", import.meta.url).pathname;
  const model = await loadModel(new URL("../../models/mnist-dbn/2/", import.meta.url)); // in float32
  await run("python3", "-m", "venv", environment);
  const quiet = ["--quiet", "--disable-pip-version-check"];
  await run(`${environment}/bin/pip`, "install", ...quiet, "-r", `${here}requirements.txt`);
  const script = [`${here}peers.py`, model.url.pathname];
  const measurer = new Measurer(`${environment}/bin/python`, script, here);
  const { torch, hidden } = await measurer.ask<{ torch: string; hidden: number[] }>("check");

  const engine = createReferenceEngine(model);
  const visible = Float32Array.from({ length: engine.visibleSize }, (_, i) => i % 5 === 0 ? 1 : 0);
  const labels = Float32Array.from({ length: engine.labelSize }, (_, i) => i === 3 ? 1 : 0);
  const ours = await engine.hiddenGivenVisible(visible, labels, 1);
  const largest = Math.max(...ours.map((p, i) => Math.abs(p - hidden[i])));
  console.log(`PyTorch ${torch}: largest difference from ours ${largest.toExponential(1)}\n`);
  if (!(largest < 1e-4)) throw new Error(`Cannot compare: PyTorch's numbers differ by ${largest}`);
  return { torch, measurer };
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`Cannot measure peers: ${command} ${args.join(" ")} failed`);
}

/**
 * Runs peers.py in a virtual environment of its own, and checks that it does the same arithmetic.
 * @module
 */
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { loadModel } from "../../src/model/store.ts";

/** What the peers measured. */
export interface PeerNumbers {
  torch: string;
  /** p(h=1|v,y) of a fixed input. */
  check: number[];
  /** Steps a second by number of chains. */
  gibbs: Record<string, number>;
  /** CD-1 by layer, of binary samples or grey values. */
  epochSeconds: Record<"binary" | "grey", Record<string, number>>;
  sklearnEpochSeconds: Record<string, number>;
}

const environment = `${Deno.env.get("TMPDIR") ?? "/tmp"}/dbn-edge-peers`;

/** Measures PyTorch and scikit-learn. @throws {Error} if they compute something else than we do. */
export async function measurePeers(): Promise<PeerNumbers> {
  const here = new URL("./", import.meta.url).pathname;
  const model = await loadModel();
  await run("python3", "-m", "venv", environment);
  const pip = [
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "-r",
    `${here}requirements.txt`,
  ];
  await run(`${environment}/bin/pip`, ...pip);
  const script = [`${here}peers.py`, model.url.pathname];
  const numbers: PeerNumbers = JSON.parse(await run(`${environment}/bin/python`, ...script));

  const engine = createReferenceEngine(model);
  const visible = Float32Array.from({ length: engine.visibleSize }, (_, i) => i % 5 === 0 ? 1 : 0);
  const labels = Float32Array.from({ length: engine.labelSize }, (_, i) => i === 3 ? 1 : 0);
  const ours = await engine.hiddenGivenVisible(visible, labels, 1);
  const largest = Math.max(...ours.map((p, i) => Math.abs(p - numbers.check[i])));
  console.log(
    `PyTorch ${numbers.torch}: largest difference from ours ${largest.toExponential(1)}\n`,
  );
  if (!(largest < 1e-4)) throw new Error(`Cannot compare: PyTorch's numbers differ by ${largest}`);
  return numbers;
}

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(command, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`Cannot measure peers: ${command} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

/** Programs run with a TensorFlow.js that throws as soon as anything of it is loaded. */
import { assert, assertEquals } from "@std/assert";
import { root, shellEnvironment, tiny, writeStripes } from "./cli/program.ts";

const directory = await Deno.makeTempDir(), stripes = `${directory}/stripes`;
const poison =
  "data:text/javascript,export const x = 1; throw new Error('TensorFlow.js is loaded')";

/** An import map like the project's, in which TensorFlow.js throws. */
async function writePoisonedMap(): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const poisoned = Object.entries<string>(imports).map(([name, target]) => {
    if (name.startsWith("@tensorflow/")) return [name, poison];
    return [name, target.startsWith("./") ? new URL(target, `file://${root}`).href : target];
  });
  const path = `${directory}/imports.json`;
  await Deno.writeTextFile(path, JSON.stringify({ imports: Object.fromEntries(poisoned) }));
  return path;
}

const map = await writePoisonedMap();
await writeStripes(stripes, 400);

/** Runs `dbn` under the poisoned map. */
async function runPoisoned(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", `--import-map=${map}`, "train/cli/dbn.ts", ...args],
    cwd: root,
    env: shellEnvironment,
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, text: decode(stdout) + decode(stderr) };
}

const data = ["--dataset", "idx", "--data", stripes];
const train = ["train", ...tiny, ...data, "--quiet"];

Deno.test("training, its card and evaluating on the kernels load nothing of TensorFlow.js", async () => {
  const model = `${directory}/model`;
  const trained = await runPoisoned(
    ...[...train, "--backend", "simd", "--out", model, "--run", `${directory}/run`],
  );
  assertEquals(trained.code, 0, trained.text);
  const evaluated = await runPoisoned("evaluate", "--model", model, ...data);
  assertEquals(evaluated.code, 0, evaluated.text);
  assert(evaluated.text.includes("engine simd"), evaluated.text);
});

Deno.test("the poison works: what asks for TensorFlow.js fails by it", async () => {
  const runs = [
    await runPoisoned(...train, "--backend", "tfjs", "--no-output", "--run", `${directory}/other`),
    await runPoisoned("evaluate", "--engine", "tfjs"),
  ];
  for (const { code, text } of runs) {
    assert(code !== 0, text);
    assert(text.includes("TensorFlow.js is loaded"), text);
  }
});

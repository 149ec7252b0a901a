/**
 * The program `dbn` as a child process, and recipes that it trains in a second.
 * @module
 */
import { dirname } from "@std/path";
import { encodeIdx } from "../../../src/data/idx.ts";

/** Root of the repository. */
export const root = new URL("../../../", import.meta.url).pathname;

/** What a process came to. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Environment of a shell in which `deno` is the Deno that runs the tests. */
export const shellEnvironment = {
  NO_COLOR: "1",
  npm_lifecycle_event: "", // or commands are printed for npx, which keeps a signal from its child
  PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
};

async function outcome(program: string, args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: root,
    env: shellEnvironment,
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

/** Arguments of Deno for `dbn`, with the permissions of its task alone. */
export const dbn = await taskArguments("dbn");

async function taskArguments(name: string): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const [, run, ...rest] = tasks[name].command.split(" ");
  return [run, "--no-prompt", ...rest];
}

/** Runs `dbn`. */
export function run(...args: string[]): Promise<Outcome> {
  return outcome(Deno.execPath(), [...dbn, ...args]);
}

/** Runs a line as a user pastes it. */
export function shell(line: string): Promise<Outcome> {
  return outcome("bash", ["-c", line]);
}

/** Epochs and images of a recipe that takes a second. */
export const brief = [
  ..."--split train[:300] --validation train[300:400] --epochs 1".split(" "),
  ..."--top-epochs 1 --persistent-epochs 1 --fine-tuning-epochs 1".split(" "),
];

/** A recipe that takes a second. */
export const tiny = [...brief, ..."--hidden 8,8 --top 12".split(" ")];

/** Writes a data set in MNIST's four files: images of one stripe a class. */
export async function writeStripes(directory: string, trainCount: number): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  for (const [name, count] of [["train", trainCount], ["t10k", 100]] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    const images = new Uint8Array(count * 784);
    labels.forEach((label, i) => images.fill(255, i * 784 + label * 56, i * 784 + label * 56 + 56));
    await Deno.writeFile(
      `${directory}/${name}-images-idx3-ubyte`,
      encodeIdx({ shape: [count, 28, 28], data: images }),
    );
    await Deno.writeFile(
      `${directory}/${name}-labels-idx1-ubyte`,
      encodeIdx({ shape: [count], data: labels }),
    );
  }
}

/**
 * `deno task dbn`: the one program, a command a file. The tasks `train`, `evaluate` and so on run it with
 * their name before the flags.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../src/cli/command.ts";
import { UnknownNameError } from "../../src/cli/flags.ts";

/** A command of the program; its module is loaded when it is called. */
interface Entry {
  help: string;
  /** Whether it needs Deno: for its locks of files, or its HTTP server. */
  needsDeno?: boolean;
  load(): Promise<{ command: Command }>;
}

/** Every command. */
export const commands: Readonly<Record<string, Entry>> = {
  train: { help: "train a model", needsDeno: true, load: () => import("./train.ts") },
  evaluate: { help: "test errors of a model", load: () => import("./evaluate.ts") },
  likelihood: {
    help: "log Z by annealed importance sampling, and log-likelihoods",
    load: () => import("./likelihood.ts"),
  },
  samples: {
    help: "what an independent classifier reads in a model's samples, and how they vary",
    load: () => import("./samples.ts"),
  },
  compare: { help: "runs and released results, side by side", load: () => import("./compare.ts") },
  optimizers: {
    help: "every optimizer and initializer on one small network",
    needsDeno: true,
    load: () => import("./optimizers.ts"),
  },
  export: {
    help: "a model for other programs: ONNX, TensorFlow.js",
    load: () => import("./export.ts"),
  },
  import: {
    help: "a classifier of PyTorch or Keras, an RBM of scikit-learn",
    needsDeno: true,
    load: () => import("./interchange/import.ts"),
  },
  card: {
    help: "a model's pictures and card, drawn and written again",
    load: () => import("./card.ts"),
  },
  keygen: { help: "a pair of keys to sign with", load: () => import("./signing/keygen.ts") },
  sign: { help: "sign a version's files", load: () => import("./signing/sign.ts") },
  verify: {
    help: "whether a version is what a trusted key has signed",
    load: () => import("./signing/verify.ts"),
  },
  push: { help: "send a model to a running service", load: () => import("./repository/push.ts") },
  promote: {
    help: "make a service's candidate its production version",
    load: () => import("./repository/promote.ts"),
  },
  rollback: {
    help: "make a service's production what it was before",
    load: () => import("./repository/rollback.ts"),
  },
  versions: {
    help: "the versions that a service has",
    load: () => import("./repository/versions.ts"),
  },
  pull: { help: "bring a version from a service", load: () => import("./repository/pull.ts") },
  token: {
    help: "a token for pushing to a service",
    load: () => import("./repository/token.ts"),
  },
  serve: {
    help: "classification and generation over HTTP",
    needsDeno: true,
    load: () => import("../../src/serve.ts"),
  },
};

/** Runs the program; returns its exit code. */
export async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "-h" || name === "--help") return printHelp();
  if (name === "help") return args.length === 0 ? printHelp() : await main([args[0], "--help"]);
  if (!Object.hasOwn(commands, name)) {
    throw new UnknownNameError("command", name, Object.keys(commands));
  }
  const { command } = await commands[name].load();
  return await runCommand(command, args);
}

function printHelp(): number {
  const width = Math.max(...Object.keys(commands).map((name) => name.length)) + 4;
  const lines = Object.entries(commands).map(([name, { help }]) =>
    `  ${name}`.padEnd(width) + help
  );
  console.log(`Usage: deno task dbn COMMAND [flags]

A Deep Belief Network: training, measuring, signing, serving.

Commands:
${lines.join("\n")}

deno task dbn COMMAND --help tells a command's flags.`);
  return exitCodes.done;
}

if (import.meta.main) await runProgram(() => main(Deno.args));

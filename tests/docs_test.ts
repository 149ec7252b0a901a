/**
 * Every command of the documents is run, or where it takes minutes its flags are checked by the parser
 * that would read them. `checks` says which; a command that it does not name fails the test.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Command } from "../src/cli/command.ts";
import { parseFlags } from "../src/cli/flags.ts";
import { commands as programs } from "../train/cli/dbn.ts";
import { recipeFromFlags } from "../train/cli/train_flags.ts";
import {
  documents,
  inlineCode,
  linkedPaths,
  readDocument,
  root,
  shellCommands,
} from "./documents.ts";
import { tiny, writeStripes } from "./train/cli/program.ts";

/** What the test does with a command. */
type Check =
  /** Runs it as it stands, with more flags behind it where `add` has some. */
  | { do: "run"; add?: string }
  /** Starts it, with `--port 0` behind it, and asks whether it is ready. */
  | { do: "serve" }
  /** Sends it to a running server; the answer begins with `answer`. */
  | { do: "request"; answer: string }
  /** Takes minutes: checks its flags, and its recipe, by the command's own parser. */
  | { do: "parse" }
  /** Takes minutes or needs more than Deno: checks that its help lists its flags. */
  | { do: "help" };

const small = tiny.join(" ");
const PNG = "\x89PNG";

/** Every command of the documents, in the order in which they run. */
const checks: Record<string, Check> = {
  "deno task dbn help": { do: "run" },
  "deno task dbn train --help": { do: "run" },
  "deno task train --preset quick": { do: "run", add: small },
  "deno task train --preset quick --resume": { do: "run", add: "--out models/resumed" },
  "deno task train --preset quick --dataset idx --data data/fashion": { do: "run", add: small },
  'deno task train --preset quick --set "stack.centring=0.01 fineTuning.optimizer=nesterov"': {
    do: "run",
    add: `${small} --run runs/set --no-output`,
  },
  "deno task train --preset plain": { do: "parse" },
  "deno task train --preset full": { do: "parse" },
  "deno task train --preset full --out models/mnist-dbn/4": { do: "parse" },
  "deno task train --recipe rbm500": { do: "parse" },
  "deno task train --recipe bound --pretrained runs/rbm500": { do: "parse" },
  "deno task train --recipe evaluation": { do: "parse" },
  "deno task evaluate": { do: "run", add: "--split test[:200]" },
  "deno task dbn evaluate --model models/mnist-dbn/2": { do: "run", add: "--split test[:200]" },
  "deno task dbn evaluate --model models/mnist-dbn/3": { do: "run", add: "--split test[:200]" },
  'deno task evaluate --model models/mnist-dbn-quick/1 --split "test[:1000]" --json': { do: "run" },
  "deno task compare": { do: "run" },
  "deno task likelihood --run runs/rbm500 --steps 5000": { do: "parse" },
  "deno task samples": { do: "parse" },
  "deno task optimizers": { do: "parse" },
  "deno task dbn optimizers --force": { do: "parse" },
  "deno task export --model models/mnist-dbn/3": { do: "run" },
  "deno task export --model models/mnist-dbn/2 --dtype i8": { do: "parse" },
  "deno task dbn export --model models/mnist-dbn/3": { do: "run" },
  "deno task dbn export --format tfjs": { do: "run" },
  "deno task dbn import mlp.safetensors --from pytorch --activation relu": { do: "parse" },
  "deno task dbn import mlp.npz --from keras --activation relu --name digits-mlp": { do: "parse" },
  "deno task dbn import mlp.safetensors --from pytorch --activation relu --mean 0.1307 --std 0.3081":
    { do: "parse" },
  "deno task dbn import rbm.npz --from scikit-learn": { do: "parse" },
  "deno task train --pretrained runs/rbm --hidden 500,500 --top 2000": { do: "parse" },
  "deno task likelihood --run runs/rbm --steps 5000": { do: "parse" },
  "deno task card --model models/mnist-dbn/3": { do: "parse" },
  "deno task dbn card --model models/mnist-dbn/2": { do: "parse" },
  "deno task dbn card --model models/mnist-dbn/3": { do: "parse" },
  "deno task dbn keygen --out signer": { do: "run" },
  "deno task dbn sign models/mnist-dbn/3 --key signer.private.pem": { do: "run" },
  "deno task dbn verify models/mnist-dbn/3 --trusted-key signer.public.pem": { do: "run" },
  "deno task recipes": { do: "run" },
  "deno task dbn push models/mnist-dbn-quick/1 --to https://digits.example --alias production": {
    do: "parse",
  },
  "deno task dbn rollback --to https://digits.example": { do: "parse" },
  "deno task dbn token --name ci --scopes push,promote": { do: "run" },
  "deno task start --tokens tokens.txt": { do: "parse" },
  "deno task dbn push models/mnist-dbn-quick/1 --alias production": { do: "parse" },
  "deno task dbn push models/mnist-dbn-quick/1 --canary 10": { do: "parse" },
  "deno task dbn rollback": { do: "parse" },
  "deno task dbn promote": { do: "parse" },
  "deno task dbn versions": { do: "parse" },
  "curl 'http://localhost:8000/health/ready'": { do: "request", answer: '{"status":"ready"' },
  "curl 'http://localhost:8000/metrics'": { do: "request", answer: "# HELP dbn_requests_total" },
  "deno task start --repository kv:models/digits.kv --tokens tokens.txt": { do: "parse" },
  "deno run --allow-net --allow-read --allow-write=../digits --allow-env src/serve.ts --repository ../digits":
    { do: "serve" },
  "deno task start": { do: "serve" },
  "deno task start --model models/mnist-dbn-quick/1": { do: "serve" },
  "deno task start --port 8080 --host 127.0.0.1 --engine reference": { do: "parse" },
  "deno run --v8-flags=--max-semi-space-size=2 --allow-net --allow-read --allow-write=models --allow-env=PORT,DBN_TOKENS,DBN_REPOSITORY src/serve.ts":
    { do: "serve" },
  "curl 'http://localhost:8000/generate?label=3&n=16&seed=1' -o threes.png": {
    ...{ do: "request", answer: "" },
  },
  "curl 'http://localhost:8000/classify' -H 'content-type: image/png' --data-binary @digit.png": {
    ...{
      do: "request",
      answer: '{"model":{"name":"mnist-dbn","version":3},"engine":"simd","images":[{"label":3,',
    },
  },
  "curl -N 'http://localhost:8000/generate?label=7&steps=200&format=sse'": {
    ...{ do: "request", answer: "event: frame" },
  },
  "curl 'http://localhost:8000/generate?n=2&steps=50&seed=1&format=json'": {
    ...{ do: "request", answer: "{" },
  },
  "curl 'http://localhost:8000/model' -H 'accept: text/markdown'": {
    ...{ do: "request", answer: "# mnist-dbn" },
  },
  "deno task ok": { do: "help" },
  "deno task test tests/http": { do: "help" },
  "deno task attack": { do: "help" },
  "deno task judge": { do: "help" },
  "deno task platforms": { do: "help" },
  "deno task servers": { do: "help" },
  "deno task faults": { do: "help" },
  "deno task package": { do: "help" },
  "deno task api": { do: "run" },
  "deno task kernels": { do: "help" },
  "deno task bench": { do: "help" },
  "deno task bench --peers": { do: "help" },
  "deno task bench --peers --write": { do: "help" },
  "deno task bench --part training": { do: "help" },
  "deno task bench --against ../other-checkout": { do: "help" },
  "deno task load": { do: "help" },
  "deno task load --seconds 1800": { do: "help" },
  "deno task stop-drill": { do: "help" },
  "deno task switch-drill": { do: "help" },
};

/** Commands by document. */
const given = await Promise.all(
  documents.map(async (path) => ({ path, lines: shellCommands(await readDocument(path)) })),
);

Deno.test("every command of the documents has its check, and every check its command", () => {
  const known = new Set(Object.keys(checks)), used = new Set<string>();
  for (const { path, lines } of given) {
    for (const line of lines) {
      assert(known.has(line), `${path}: tests/docs_test.ts has no check of ${line}`);
      used.add(line);
    }
  }
  assertEquals([...known].filter((line) => !used.has(line)), []);
});

/** A copy of the repository where commands may write; `deno` is the one that runs the tests. */
async function copyRepository(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "documents " });
  await Deno.mkdir(`${copy}/bin`);
  await Deno.symlink(Deno.execPath(), `${copy}/bin/deno`);
  const kept = [
    "deno.json",
    "deno.lock",
    "deno.dev.lock",
    "mod.ts",
    "src",
    "train",
    "tools",
    "docs",
  ];
  const models = ["models/mnist-dbn", "models/results"];
  for (const name of [...kept, ...models]) await copyTree(join(root, name), join(copy, name));
  return copy;
}

async function copyTree(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) {
    await copyTree(join(from, name), join(to, name));
  }
}

function shell(directory: string, line: string): Deno.Command {
  return new Deno.Command("bash", {
    args: ["-c", line],
    cwd: directory,
    env: { NO_COLOR: "1", PATH: `${directory}/bin:${Deno.env.get("PATH")}` },
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(directory: string, line: string): Promise<string> {
  const { code, stdout, stderr } = await shell(directory, line).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, `${line}\n${out}\n${err}`);
  return out;
}

/** Runs `use` with the address of the server that `line` starts, then stops it. */
async function withServer(
  directory: string,
  line: string,
  use: (origin: string) => Promise<void>,
): Promise<void> {
  const child = shell(directory, `exec ${line} --port 0`).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!/serving on (\S+)\s/.test(log)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start ${line}: ${log}${await errors}`);
    log += value;
  }
  try {
    await use(/serving on (\S+)/.exec(log)![1]);
  } finally {
    child.kill("SIGTERM");
    while (!(await reader.read()).done);
    await child.status;
    await errors;
  }
}

/** The words of a command, quotes read. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)]
    .map(([, double, single, bare]) => double ?? single ?? bare);
}

/** Checks a task's flags by its own parser, or where it is no command of `dbn` by its help. */
async function checkFlags(line: string): Promise<void> {
  let [task, ...args] = words(line.replace(/^(deno )?task /, ""));
  if (task === "dbn") [task, ...args] = args;
  if (task === "start") task = "serve";
  if (!Object.hasOwn(programs, task)) return await checkHelp(line);
  const { flags, positionals }: Command = (await programs[task].load()).command;
  const values = parseFlags(args, flags, positionals);
  if (task === "train" && !args.some((word) => /^[A-Z]+$/.test(word))) {
    await recipeFromFlags(values);
  }
}

/** Checks that a task exists and its help lists the flags of `line`. */
async function checkHelp(line: string): Promise<void> {
  const [task, ...args] = words(line.replace(/^(deno )?task /, ""));
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  assert(Object.hasOwn(tasks, task), `${line}: there is no task ${task}`);
  const flags = args.filter((word) => word.startsWith("--"));
  if (flags.length === 0) return;
  const help = await run(root, `'${Deno.execPath()}' task --quiet ${task} --help`);
  for (const flag of flags) assert(help.includes(`  ${flag} `), `${line}: no ${flag} in\n${help}`);
}

Deno.test("every command of the documents works", async (t) => {
  const copy = await copyRepository();
  await writeStripes(`${copy}/data/fashion`, 600);
  for (const [line, check] of Object.entries(checks)) {
    if (check.do === "request") continue;
    await t.step(line, async () => {
      if (check.do === "run") await run(copy, `${line} ${quoted(check.add)}`);
      else if (check.do === "parse") await checkFlags(line);
      else if (check.do === "help") await checkHelp(line);
      else {
        await withServer(copy, line, async (origin) => {
          const ready = await fetch(`${origin}/health/ready`);
          const { status } = await ready.json();
          assertEquals([ready.status, status], [200, "ready"]);
        });
      }
    });
  }
  await withServer(copy, "deno task start", async (origin) => {
    const digit = await fetch(`${origin}/generate?label=3&seed=1&scale=4`);
    await Deno.writeFile(`${copy}/digit.png`, await digit.bytes());
    for (const [line, check] of Object.entries(checks)) {
      if (check.do !== "request") continue;
      await t.step(line, async () => {
        const sent = line.replace("http://localhost:8000", origin).replace("curl", "curl -fsS");
        const answer = await run(copy, sent);
        assert(answer.startsWith(check.answer), `${line}: ${answer.slice(0, 200)}`);
      });
    }
    const threes = await Deno.readFile(`${copy}/threes.png`);
    assertEquals(String.fromCharCode(...threes.subarray(0, 4)), PNG);
  });
  await Deno.remove(copy, { recursive: true });
});

/** Flags with their brackets in quotes, so that a shell does not expand them. */
function quoted(flags = ""): string {
  return flags.replace(/\S*\[\S*/g, "'$&'");
}

Deno.test("the flags of commands within sentences are those of the program", async () => {
  for (const path of documents) {
    if (/decisions\/\d/.test(path)) continue; // of the time when they were written
    for (const code of inlineCode(await readDocument(path))) {
      if (/^(deno )?task \w/.test(code)) await checkFlags(code);
    }
  }
});

Deno.test("the library's document names the commands of the package that need Deno", async () => {
  const text = (await readDocument("docs/library.md")).replaceAll("\n", " ");
  const [, listed] = /Its commands ([^.]*) need Deno/.exec(text)!;
  const needing = Object.keys(programs).filter((name) => programs[name].needsDeno);
  assertEquals(inlineCode(listed).toSorted(), needing.toSorted());
});

Deno.test("a command with an unknown flag, recipe or task is found", async () => {
  const wrong = [
    "deno task train --epoch 3",
    "deno task train --recipe rbm5000",
    "deno task evaluate --models models/mnist-dbn/2",
    "deno task bench --peer",
    "deno task dream",
  ];
  for (const line of wrong) {
    const error = await checkFlags(line).then(() => undefined, (error) => error);
    assert(error instanceof Error, line);
  }
});

Deno.test("links of the documents lead to files, and so do paths of the repository in them", async () => {
  for (const path of documents) {
    const text = await readDocument(path), links = linkedPaths(path, text);
    const paths = /decisions\/\d/.test(path)
      ? []
      : inlineCode(text).filter((code) =>
        /^(src|train|tests|docs|models)\/[\w./-]+$/.test(code) &&
        !/\b(NAME|VERSION|RECIPE)\b/.test(code)
      );
    for (const target of [...links, ...paths]) {
      const found = await Deno.stat(join(root, target)).then(() => true, () => false);
      assert(found, `${path}: ${target} does not exist`);
    }
  }
});

Deno.test("tables have five columns at most, and lines of documents 300 characters", async () => {
  for (const path of documents) {
    if (path.startsWith("models/")) continue; // of programs, without line breaks
    for (const line of (await readDocument(path)).split("\n")) {
      assert(line.length <= 300, `${path}: ${line.length} characters in ${line.slice(0, 60)}…`);
      const columns = /^\|.*\|$/.test(line) ? line.replace(/\\\|/g, "").split("|").length - 2 : 0;
      assert(columns <= 5, `${path}: ${columns} columns in ${line.slice(0, 60)}…`);
    }
  }
});

Deno.test("the map of the architecture names every folder of the code", async () => {
  const map = await readDocument("docs/architecture.md");
  const folders = async (directory: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(join(root, directory))) {
      if (isDirectory) found.push(`${directory}/${name}/`);
    }
    return found;
  };
  const assembly = "src/kernels/assembly";
  const all = await Promise.all(["src", "train", "tools", "src/kernels", assembly].map(folders));
  const missing = all.flat().filter((folder) =>
    ![`${assembly}/`, "src/kernels/"].includes(folder) && !map.includes(`| \`${folder}\``)
  );
  assertEquals(missing, []);
});

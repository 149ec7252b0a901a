import { assert, assertEquals, assertMatch } from "@std/assert";
import { createToken } from "../src/http/tokens.ts";
import { saveModel } from "../src/repository/model_directory.ts";
import { tinyModel } from "./model/tiny_model.ts";

const root = new URL("../", import.meta.url).pathname;
const tiny = (await saveModel(await Deno.makeTempDir(), tinyModel())).url.pathname;
const permissions = ["--allow-net", "--allow-read", "--allow-env=PORT,DBN_TOKENS,DBN_REPOSITORY"];

function command(args: string[], env: Record<string, string> = {}) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...permissions, "src/serve.ts", ...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  });
}

/** A running server: its address, its log so far, and its end. */
async function start(args: string[] = [], env?: Record<string, string>) {
  const child = command(["--model", tiny, ...args], env).spawn();
  let log = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) log += text;
  })();
  while (!/serving on (\S+)/.test(log)) await new Promise((resolve) => setTimeout(resolve, 10));
  const origin = /serving on (\S+)/.exec(log)![1];
  const end = async () => {
    const { code } = await child.status;
    await reading;
    const errors = await new Response(child.stderr).text();
    return { code, log, errors };
  };
  return { child, origin, end, log: () => log };
}

Deno.test("the server prints its address and curl commands, answers, logs and stops gently", async () => {
  const { child, origin, end, log } = await start(["--port", "0"]);
  assert(log().includes(`serving on ${origin}\ntiny, version 1\n\n`), log());
  assert(log().includes(`curl '${origin}/generate?label=3&n=16&seed=1'`));
  const response = await fetch(`${origin}/generate?n=2&steps=5&seed=1`);
  assertEquals(response.status, 200);
  await response.bytes();
  child.kill("SIGTERM");
  const { code, log: all, errors } = await end();
  assertEquals([code, errors], [0, ""]);
  const record = JSON.parse(all.split("\n").find((line) => line.startsWith("{"))!);
  assertEquals([record.method, record.path, record.status], ["GET", "/generate", 200]);
  assertMatch(record.time, /^\d{4}-\d\d-\d\dT/);
});

Deno.test("a stopping server ends its streams and finishes other requests", async () => {
  const { child, origin, end } = await start(["--port", "0", "--engine", "reference"]);
  const stream = await fetch(`${origin}/generate?format=sse&steps=10000&n=10&thin=1`);
  const reader = stream.body!.getReader();
  await reader.read();
  const running = await fetch(`${origin}/generate?n=10&steps=300&seed=1`);
  child.kill("SIGINT");
  assert((await running.bytes()).length > 100);
  while (!(await reader.read()).done);
  assertEquals((await end()).code, 0);
});

Deno.test("the port comes from --port, else from PORT", async () => {
  const { child, origin, end } = await start([], { PORT: "0" });
  assert((await fetch(`${origin}/health/ready`)).ok);
  child.kill("SIGTERM");
  await end();
});

const failures: [
  what: string,
  args: string[],
  env: Record<string, string>,
  code: number,
  message: string,
][] = [
  ["an unknown flag", ["--prot", "80"], {}, 2, "Unknown argument --prot; did you mean --port?"],
  ["a positional argument", ["8080"], {}, 2, "Unknown argument 8080"],
  [
    "port 65536",
    ["--port", "65536"],
    {},
    2,
    '--port must be an integer in [0, 65535], got "65536"',
  ],
  ["port http", ["--port", "http"], {}, 2, 'got "http"'],
  ["port -1", ["--port=-1"], {}, 2, 'got "-1"'],
  ["port without a value", ["--port"], {}, 2, "--port needs a value"],
  ["two ports", ["--port", "1", "--port", "2"], {}, 2, "--port must be given once, got 2 times"],
  ["a bad PORT", [], { PORT: "x" }, 2, 'PORT must be an integer in [0, 65535], got "x"'],
  [
    "an unknown engine",
    ["--engine", "cuda"],
    {},
    2,
    'one of simd, tfjs, onnx, reference, got "cuda"',
  ],
  [
    "a model that is not there",
    ["--model", "/nowhere"],
    {},
    1,
    "/nowhere/config.json does not exist. Train one with",
  ],
  [
    "tokens that are none",
    ["--model", tiny],
    { DBN_TOKENS: "ci:push:dbn_secret" },
    1,
    "DBN_TOKENS: entry 1 must be NAME:SCOPE,…:SHA256, with 64 hexadecimal digits",
  ],
  [
    "a file of tokens that is not there",
    ["--model", tiny, "--tokens", "/nowhere"],
    {},
    2,
    "--tokens: cannot read /nowhere: ",
  ],
  ["a model that is a file", ["--model", `${root}LICENSE`], {}, 1, "error: "],
];

for (const [what, args, env, code, message] of failures) {
  Deno.test(`the server refuses to start with one readable line: ${what}`, async () => {
    const { code: actual, stderr } = await command(args, env).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(actual, code, text);
    assert(text.includes(message), `${text} lacks ${message}`);
    assertEquals(text.trim().split("\n").length, 1, text);
  });
}

Deno.test("the server knows the tokens of its environment or of a file, and says nothing of them", async () => {
  const { token, entry } = await createToken({ name: "ci", scopes: ["push"] });
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `# of the test\n${entry}\n`);
  const starts: [string[], Record<string, string>, number[]][] = [
    [[], {}, [403, 403]],
    [[], { DBN_TOKENS: entry }, [401, 403]],
    [["--tokens", file], { DBN_TOKENS: "this is not read" }, [401, 403]],
  ];
  for (const [args, env, expected] of starts) {
    const { child, origin, end } = await start(["--port", "0", ...args], env);
    const load = async (headers: Record<string, string>) => {
      const path = `${origin}/v2/repository/models/tiny/load`;
      const response = await fetch(path, { method: "POST", headers });
      return [response.status, await response.text()] as const;
    };
    const without = await load({}), other = await load({ authorization: `Bearer ${token}` });
    assertEquals([without[0], other[0]], expected);
    child.kill("SIGTERM");
    const { log, errors } = await end();
    const isKnown = args.length > 0 || "DBN_TOKENS" in env;
    assertEquals(log.includes(", version 1; tokens of ci are known\n"), isKnown, log);
    const all = `${without[1]}${other[1]}${log}${errors}`;
    for (const secret of [token, entry.split(":")[2]]) assert(!all.includes(secret), all);
    assertEquals(log.includes('"token":"ci"'), isKnown, log);
  }
  await Deno.remove(file);
});

Deno.test("a port in use is said plainly", async () => {
  const holder = Deno.listen({ port: 0 });
  const { port } = holder.addr;
  const { code, stderr } = await command(["--model", tiny, "--port", String(port)]).output();
  holder.close();
  assertEquals(code, 1);
  assert(
    new TextDecoder().decode(stderr).includes(`port ${port} is in use; choose another with --port`),
  );
});

Deno.test("--help tells the flags", async () => {
  const { code, stdout } = await command(["--help"]).output();
  assertEquals(code, 0);
  assert(new TextDecoder().decode(stdout).includes("--engine"));
});

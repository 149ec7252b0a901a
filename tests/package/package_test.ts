/**
 * The package as a user installs it: what it holds, what it brings, and that it runs under Node.
 * Skipped with a word where npm is missing.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import { build, stop } from "npm:esbuild@0.28.2";
import { classify, generate, loadModel, openEngine } from "../../mod.ts";
import { sha256 } from "../../src/outside/sha256.ts";
import { releasedModel } from "../../src/repository/model_directory.ts";
import { modelContents } from "../../tools/package/model.ts";
import { makeModel, startService } from "../client/harness.ts";
import { MODEL, tokens } from "../http/repository/harness.ts";
import { testUserCode } from "../client/user_code.ts";
import { checkClientInNode, checkClientSize } from "./client.ts";
import { install, type Installation, isThere, root } from "./installed.ts";

const hasNpm = await isThere("npm") && await isThere("node");
if (!hasNpm) console.log("tests of the installed package are skipped: npm is missing");
let installation: Promise<Installation> | undefined;

/** A test of the installed package, which is installed once. */
function test(
  name: string,
  check: (installed: Installation, t: Deno.TestContext) => Promise<void> | void,
): void {
  const fn = async (t: Deno.TestContext) => await check(await (installation ??= install()), t);
  Deno.test({ name, ignore: !hasNpm, fn, sanitizeResources: false, sanitizeOps: false });
}

/** Seeded digits and their labels, which a program prints as JSON. */
const body = `
const engine = await openEngine(await loadModel());
const { images } = await generate(engine, { label: 3, n: 4, steps: 20, seed: 1 });
const labels = (await classify(engine, images)).map(({ label }) => label);
engine.dispose();
`;

test("the package holds what users need and nothing else", ({ built }) => {
  const allowed = [
    /^(LICENSE|README\.md|package\.json|kernels\.wasm)$/,
    /^[\w-]+\.js(\.map)?$/,
    /^types\/(mod|src\/[\w/]+|train\/[\w/]+|kernels\.wasm|weights|webassembly)\.d\.ts$/,
    /^models\/[\w-]+\/\d+\/(README\.md|[\w.]+\.(json|safetensors|onnx))$/,
    /^train\/recipes\/[\w-]+\.json$/,
  ];
  for (const { path } of built.files) assert(allowed.some((kind) => kind.test(path)), path);
  const models = built.files.filter(({ path }) => path.startsWith("models/"));
  assertEquals(new Set(models.map(({ path }) => path.split("/")[2])).size, 1, "one version");
  const maps = built.files.filter(({ path }) => path.endsWith(".js.map"));
  const modules = built.files.filter(({ path }) => path.endsWith(".js"));
  assertEquals(maps.length, modules.length, "a source map for each module");
});

test("the package names no file outside it", ({ built }) => {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  for (const { path, bytes } of built.files.filter(({ path }) => /\.(js|map|d\.ts)$/.test(path))) {
    const found = /[^\n]{0,40}(?:\.cache\/|registry\.npmjs)[^\n]{0,40}/.exec(decode(bytes))?.[0];
    assertEquals(found, undefined, path);
    if (!path.endsWith(".map")) continue;
    for (const source of JSON.parse(decode(bytes)).sources) {
      assert(!/^(\/|\.\.\/|file:)/.test(source), `${path}: ${source}`);
    }
  }
});

Deno.test("the package holds of the released model what its manifest lists, as it is listed", async () => {
  const copy = await Deno.makeTempDir(), directory = join(copy, releasedModel);
  await Deno.mkdir(directory, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(join(root, releasedModel))) {
    if (isFile) await Deno.copyFile(join(root, releasedModel, name), join(directory, name));
  }
  await Deno.writeTextFile(join(directory, "stray.json"), "{}");
  const contents = await modelContents(copy);
  assert(contents.has(`${releasedModel}/config.json`));
  assert(!contents.has(`${releasedModel}/stray.json`));
  await Deno.writeTextFile(join(directory, "README.md"), "# Another card\n");
  await assertRejects(() => modelContents(copy), Error, "README.md must have SHA-256");
  await Deno.remove(copy, { recursive: true });
});

test("the package takes 5 MB at most, model included", ({ built }) => {
  assert(built.archive.length <= 5e6, `${built.archive.length} bytes`);
});

test("no message of the package names a task of the repository", ({ built }) => {
  for (const { path, bytes } of built.files.filter(({ path }) => /\.js$/.test(path))) {
    const found = /.*deno task.*/.exec(new TextDecoder().decode(bytes))?.[0];
    assertEquals(found, undefined, path);
  }
});

test("modules of JSON are imported as such, which Node demands", ({ built }) => {
  const texts = built.files.filter(({ path }) => path.endsWith(".js"))
    .map(({ bytes }) => new TextDecoder().decode(bytes)).join("\n");
  const imports = [...texts.matchAll(/\bimport\([^()]*(?:\.json"|manifest)[^()]*\)/g)];
  assert(imports.length >= 2, "those of the data package and of the font");
  for (const [call] of imports) assert(/with: \{ type: "json" \}/.test(call), call);
});

test("installing it brings what serves, and nothing of training or other engines", async (installed) => {
  const { stdout } = await installed.run("npm", "ls", "--all", "--parseable");
  const names = stdout.trim().split("\n").map((path) => path.replace(/.*\/node_modules\//, ""));
  assertEquals(names.slice(1).sort(), [
    ...[
      "@dbn-edge/dbn-edge",
      "@opentelemetry/api",
      "aws4fetch",
      "bintrees",
      "eventsource-parser",
      "fast-png",
      "fflate",
    ],
    ...["hono", "iobuffer", "prom-client", "tdigest"],
  ]);
});

test("ten lines under Node give the bytes that they give in Deno", async ({ directory, run }) => {
  await Deno.writeTextFile(
    join(directory, "digits.js"),
    `import { createHash } from "node:crypto";
import { classify, generate, loadModel, openEngine } from "@dbn-edge/dbn-edge";
${body}
const bytes = new Uint8Array(images.buffer, images.byteOffset, images.byteLength);
console.log(JSON.stringify({ labels, digest: createHash("sha256").update(bytes).digest("hex") }));
`,
  );
  const { code, stdout, stderr } = await run("node", "digits.js");
  assertEquals(code, 0, stderr);
  const engine = await openEngine(await loadModel());
  const { images } = await generate(engine, { label: 3, n: 4, steps: 20, seed: 1 });
  const labels = (await classify(engine, images)).map(({ label }) => label);
  engine.dispose();
  const digest = await sha256(new Uint8Array(images.buffer, images.byteOffset, images.byteLength));
  assertEquals(JSON.parse(stdout), { labels, digest });
});

test("the library without weights takes 120 KB at most in a browser, of our engine alone", async (installed) => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: 'export * from "@dbn-edge/dbn-edge";', resolveDir: installed.directory },
    ...{ bundle: true, minify: true, format: "esm", platform: "browser", write: false },
    ...{ metafile: true, logLevel: "silent" },
  });
  await stop();
  const bytes = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
  assert(bytes <= 120 * 1024, `${bytes} bytes`);
  const packages = new Set(
    Object.keys(metafile.inputs).map((path) =>
      path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]
    ),
  );
  for (const name of packages) assert(!/tensorflow|tfjs|onnx|prom-client/.test(name ?? ""), name);
  assert(packages.has("@dbn-edge/dbn-edge"));
});

test("its types are found, and tell what is wrong", async ({ directory, run }) => {
  const check = async (source: string) => {
    await Deno.writeTextFile(join(directory, "typed.ts"), source);
    return await run(Deno.execPath(), "check", "--node-modules-dir=manual", "typed.ts");
  };
  const right = await check(`import { classify, loadModel, openEngine } from "@dbn-edge/dbn-edge";
import { openServing } from "@dbn-edge/dbn-edge/server";
import { pushModel } from "@dbn-edge/dbn-edge/client";
import { recipeOf } from "@dbn-edge/dbn-edge/train";
import kernels from "@dbn-edge/dbn-edge/kernels.wasm";
const engine = await openEngine(await loadModel());
const [first] = await classify(engine, new Float32Array(784));
const label: number = first.label, module: WebAssembly.Module = kernels;
console.log(label, module, openServing, pushModel, recipeOf);
`);
  assertEquals(right.code, 0, right.stderr);
  const wrong = await check(`import { loadModel } from "@dbn-edge/dbn-edge";
const label: number = await loadModel();
console.log(label);
`);
  assert(wrong.code !== 0 && wrong.stderr.includes("TS2322"), wrong.stderr);
});

test("its types need no library of a browser: of TypeScript's Node, and of workerd", async ({ directory, run }) => {
  const tools = join(directory, "tools"), types = join(tools, "node_modules");
  await Deno.mkdir(tools);
  const { code, stderr } = await run(
    ...["npm", "install", "--no-audit", "--prefix", tools, "typescript@6.0.3"] as const,
    ...["@types/node@26.6.6", "@cloudflare/workers-types@5.20261117.1"],
  );
  assertEquals(code, 0, stderr);
  const check = async (name: string, source: string, ...flags: string[]) => {
    await Deno.writeTextFile(join(directory, name), source);
    const { stdout } = await run(
      ...["node", join(types, "typescript/bin/tsc"), "--noEmit", "--strict", "--target"] as const,
      ...["es2023", "--lib", "es2023", "--typeRoots", types, ...flags, name],
    );
    assertEquals(stdout, "", name);
  };
  const node = `export * from "@dbn-edge/dbn-edge";
export * as server from "@dbn-edge/dbn-edge/server";
export * as client from "@dbn-edge/dbn-edge/client";
export * as train from "@dbn-edge/dbn-edge/train";
`;
  await check("node.ts", node, ..."--module nodenext --types @types/node".split(" "));
  const workerd = `import { modelFromBytes, openEngine } from "@dbn-edge/dbn-edge";
import kernels from "@dbn-edge/dbn-edge/kernels.wasm";
import config from "@dbn-edge/dbn-edge/model/config.json";
import dbn from "@dbn-edge/dbn-edge/model/model.safetensors";
import classifier from "@dbn-edge/dbn-edge/models/mnist-dbn/3/classifier.safetensors";
export const engine = await openEngine(await modelFromBytes({ config, dbn, classifier }), { kernels });
`;
  const bundler = "--module esnext --moduleResolution bundler --resolveJsonModule";
  await check("worker.ts", workerd, ...`${bundler} --types @cloudflare/workers-types`.split(" "));
});

test("what is pushed to an installed service lies in the working directory", async ({ directory, run }) => {
  await Deno.writeTextFile(join(directory, "tokens.txt"), `${tokens.all.entry}\n`);
  await Deno.writeTextFile(join(directory, "token"), tokens.all.token);
  const released = "node_modules/@dbn-edge/dbn-edge/models/mnist-dbn";
  const server = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "node_modules/@dbn-edge/dbn-edge/dbn.js", "serve", "--port", "0"],
      ...["--host", "127.0.0.1", "--tokens", "tokens.txt"],
    ],
    cwd: directory,
    stdout: "piped",
  }).spawn();
  const lines = server.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  try {
    const { value } = await lines.next();
    const to = /http:\S+/.exec(value!)![0];
    const push = await run(
      ...["npx", "dbn", "push", `${released}/3`, "--as", "mnist-dbn/4"] as const,
      ...["--alias", "production", "--to", to, "--token-file", "token"],
    );
    assertEquals([push.code, push.stderr], [0, ""]);
  } finally {
    server.kill("SIGTERM");
    while (!(await lines.next()).done);
    await server.status;
  }
  const names = async (path: string) =>
    (await Array.fromAsync(Deno.readDir(join(directory, path)))).map(({ name }) => name).sort();
  assertEquals(await names("models/mnist-dbn"), ["4", "aliases.json"]);
  assertEquals(await names(released), ["3"]);
});

test("code that calls services type-checks against its types as it must", async (installed, t) => {
  const { directory } = installed;
  await testUserCode(t, { directory, flags: ["--node-modules-dir=manual"] });
});

test("its client takes 6 KB in a browser, without what pushes", checkClientSize);

test("its client under Node gets what it gets in Deno", checkClientInNode);

test("an engine whose package is not installed names the command that installs it", async (installed) => {
  await Deno.writeTextFile(
    join(installed.directory, "engines.js"),
    `import { loadModel, openEngine } from "@dbn-edge/dbn-edge";
const model = await loadModel();
for (const engine of ["tfjs", "onnx"]) {
  console.log(await openEngine(model, { engine }).then(() => "", (error) => error.message));
}
`,
  );
  const { stdout, stderr } = await installed.run("node", "engines.js");
  const [tfjs, onnx] = stdout.split("\n");
  assert(
    tfjs.startsWith("Cannot open engine tfjs: ") && tfjs.includes("npm install @tensorflow/tfjs-"),
    tfjs + stderr,
  );
  assert(
    onnx.startsWith("Cannot open engine onnx: ") && onnx.includes("npm install onnxruntime-web@"),
    onnx + stderr,
  );
});

test("dbn pushes, promotes, goes back, pulls and signs under Node", async ({ directory, run }) => {
  await using service = startService();
  await using first = await makeModel({ name: MODEL, version: 2 });
  await using second = await makeModel({ name: MODEL, version: 3, seed: 2 });
  const file = join(directory, "token");
  await Deno.writeTextFile(file, tokens.all.token);
  const dbn = async (...args: string[]) => {
    const { code, stdout, stderr } = await run("npx", "dbn", ...args);
    assertEquals([code, stderr], [0, ""], `dbn ${args.join(" ")}`);
    return stdout;
  };
  const to = ["--to", service.to, "--token-file", file];
  const from = ["--from", service.to, "--token-file", file];
  assert(
    (await dbn("push", first.path, "--alias", "production", ...to)).includes("pushed digits/2"),
  );
  assert((await dbn("push", second.path, "--canary", "10", ...to)).includes("pushed digits/3"));
  assert((await dbn("promote", ...to)).endsWith("production of digits: 2 → 3\n"));
  assert((await dbn("rollback", ...to)).endsWith("production of digits: 3 → 2\n"));
  const { versions } = JSON.parse(await dbn("versions", "--json", ...from));
  assertEquals(versions.map(({ version }: { version: number }) => version), [2, 3]);
  await dbn("pull", "3", "--out", "pulled", ...from);
  const name = "model.safetensors";
  assertEquals(
    await Deno.readFile(join(directory, "pulled", name)),
    await Deno.readFile(join(second.path, name)),
  );
  await dbn("keygen", "--out", "key");
  await dbn("sign", "pulled", "--key", "key.private.pem");
  await dbn("verify", "pulled", "--trusted-key", "key.public.pem");
});

test("dbn runs under Node, and says what needs Deno and how to run it", async ({ run }) => {
  const help = await run("npx", "dbn", "help");
  assertEquals([help.code, help.stderr], [0, ""]);
  assert(help.stdout.startsWith("Usage: dbn COMMAND"), help.stdout);
  const token = await run("npx", "dbn", "token", "--name", "ci");
  assertEquals(token.code, 0, token.stderr);
  const versions = await run("npx", "dbn", "versions", "--from", "http://127.0.0.1:1");
  assertEquals(versions.code, 1);
  assert(versions.stderr.startsWith("error: "), versions.stderr);
  const train = await run("npx", "dbn", "train", "--preset", "quick");
  assertEquals(train.code, 1);
  assert(
    /needs Deno.*npx -y deno@[\d.]+ run -A .*dbn\.js train --preset quick/.test(train.stderr),
    train.stderr,
  );
});

/** The examples of the documents, run. @module */
import { assert, assertEquals } from "@std/assert";
import { blocks, documents, readDocument, root } from "./documents.ts";

Deno.test("the serverless example answers as the server does", async () => {
  const { default: handler } = await import("./examples/serverless.ts");
  const request = () => new Request("http://localhost/generate?label=3&n=2&seed=1&steps=20");
  const first = await handler.fetch(request()), second = await handler.fetch(request());
  assertEquals(first.headers.get("content-type"), "image/png");
  assertEquals(await first.bytes(), await second.bytes());
});

Deno.test("the library example generates threes", async () => {
  const example = new URL("./examples/library.ts", import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", example],
    cwd: new URL("..", import.meta.url).pathname,
  }).output();
  assert(success);
  const read = /read as: ([\d ]+)/.exec(new TextDecoder().decode(stdout))![1].split(" ");
  assert(read.filter((label) => label === "3").length >= 14, read.join(" "));
});

Deno.test("the example of pushed versions answers by the released one", async () => {
  const example = new URL("./examples/pushed_versions.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", `--lock=${root}deno.dev.lock`, "-A", example],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout);
  assert(/^3 \d{3,}\n$/.test(output), output + new TextDecoder().decode(stderr));
});

Deno.test("the data set example batches images and draws a page of them", async () => {
  const directory = await Deno.makeTempDir();
  const example = new URL("./examples/data_set.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", `--lock=${root}deno.dev.lock`, "-A", example],
    cwd: directory,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "78400 100\n", new TextDecoder().decode(stderr));
  assertEquals((await Deno.readFile(`${directory}/digits.png`))[0], 0x89);
});

/** Runs an example of a client against the service over the released model. */
async function runClient(name: string): Promise<string> {
  const { default: { fetch } } = await import("./examples/serverless.ts");
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, fetch);
  const source = await Deno.readTextFile(`${root}tests/examples/${name}.ts`);
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    path,
    source.replaceAll("../../", `file://${root}`)
      .replace("http://localhost:8000", `http://127.0.0.1:${server.addr.port}`),
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--check",
      "--no-lock",
      `--config=${root}deno.json`,
      "--allow-net=127.0.0.1",
      path,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  await Deno.remove(path);
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return output || errors;
}

Deno.test("the example of the client generates threes and has them read", async () => {
  const read = /^read as: ([\d ]+)\n$/.exec(await runClient("client"))![1].split(" ");
  assert(read.filter((label) => label === "3").length >= 14, read.join(" "));
});

Deno.test("the example of a stream watches frames, and reads a problem", async () => {
  const lines = (await runClient("client_stream")).trim().split("\n");
  assert(
    lines.length >= 26 && /^4 of 200: read as \d, a PNG of \d+ bytes$/.test(lines[0]),
    lines[0],
  );
  assertEquals(lines.at(-1), "400: label is 12, at most 9");
});

Deno.test("the example of Hono's client reads labels and pixels", async () => {
  assert(/^read as: \d \d, 784 pixels each\n$/.test(await runClient("hono_client")));
});

Deno.test("TypeScript in the documents is that of the examples", async () => {
  const shown: string[] = [];
  const names = [
    ...["client", "library", "serverless", "client", "client_stream", "hono_client"],
    ...["pushed_versions", "data_set"],
  ];
  for (const path of documents) shown.push(...blocks(await readDocument(path), "ts"));
  const examples = await Promise.all(names.map(async (name) => {
    const source = await Deno.readTextFile(new URL(`./examples/${name}.ts`, import.meta.url));
    return source.slice(source.indexOf("*/\n") + 3).trim()
      .replace("../../mod.ts", "@dbn-edge/dbn-edge")
      .replace("../../src/client/client.ts", "@dbn-edge/dbn-edge/client")
      .replace("../../train/mod.ts", "@dbn-edge/dbn-edge/train")
      .replace("../../src/server.ts", "@dbn-edge/dbn-edge/server");
  }));
  assertEquals(shown.map((code) => code.trim()), examples);
});

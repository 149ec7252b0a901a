import { assert, assertEquals, assertRejects } from "@std/assert";
import { modelFiles } from "../../src/format/config.ts";
import { WeightsFormatError } from "../../src/format/safetensors.ts";
import { maxWeightBytes, writeWeights } from "../../src/format/weights.ts";
import { readBounded } from "../../src/repository/bounded_read.ts";
import { loadModel, saveModel } from "../../src/repository/model_directory.ts";
import { tinyModel, type TinySizes } from "../model/tiny_model.ts";

const tiny = tinyModel();
const files = [modelFiles.config, modelFiles.dbn, modelFiles.classifier];

/** Saves a model, replaces one of its files, and returns the error of loading it. */
async function errorWith(
  file: string,
  replace: (path: string) => Promise<unknown>,
): Promise<Error> {
  const directory = await Deno.makeTempDir(), path = `${directory}/${file}`;
  try {
    await saveModel(directory, tiny);
    await Deno.remove(path);
    await replace(path);
    const error = await assertRejects(() => loadModel(directory), Error);
    assert(error.message.includes(path), `${error.message} does not name ${path}`);
    assert(error.message.length < 1000, error.message);
    return error;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function sparse(path: string, bytes: number): Promise<void> {
  using file = await Deno.create(path);
  await file.truncate(bytes);
}

for (const file of files) {
  const notRegular: [string, (path: string) => Promise<unknown>][] = [
    ["a named pipe", (path) => new Deno.Command("mkfifo", { args: [path] }).output()],
    ["a directory", (path) => Deno.mkdir(path)],
    ["a link to a device without end", (path) => Deno.symlink("/dev/zero", path)],
  ];
  for (const [what, replace] of notRegular) {
    Deno.test(`${file} is refused and not waited for: ${what}`, async () => {
      const error = await errorWith(file, replace);
      assert(error instanceof WeightsFormatError, String(error));
      assert(error.message.endsWith(": it must be a regular file"), error.message);
    });
  }

  Deno.test(`${file} of 3 GB is refused before it takes memory`, async () => {
    const before = Deno.memoryUsage().rss;
    const error = await errorWith(file, (path) => sparse(path, 3e9));
    assert(error instanceof WeightsFormatError, String(error));
    assert(/ must hold at most \d+ bytes.*, got 3000000000$/.test(error.message), error.message);
    const taken = Deno.memoryUsage().rss - before;
    assert(taken < 200e6, `took ${taken} bytes`);
  });
}

Deno.test("shapes of many gigabytes allow no file above 4 GiB", async () => {
  const { config } = structuredClone(tiny);
  config.architecture.layers = [784, 65536, 65536];
  const error = await errorWith(modelFiles.dbn, async (path) => {
    const configPath = path.replace(modelFiles.dbn, modelFiles.config);
    await Deno.writeTextFile(configPath, JSON.stringify(config));
    await sparse(path, 30e9);
  });
  assert(error.message.includes("at most 4294967296 bytes"), error.message);
});

Deno.test("a file that memory has no room for is named", async () => {
  const path = await Deno.makeTempFile(), bytes = 4e12;
  await sparse(path, bytes);
  const url = new URL(`file://${path}`);
  const error = await assertRejects(() => readBounded(url, { maxBytes: bytes }), Error);
  assertEquals(error.message, `Cannot read ${path}: Array buffer allocation failed`);
  await Deno.remove(path);
});

Deno.test("a path that goes through a file is named", async () => {
  const file = await Deno.makeTempFile();
  const error = await assertRejects(() => loadModel(file), Error);
  assert(error.message.startsWith(`Cannot read ${file}/${modelFiles.config}: `), error.message);
});

Deno.test("the bound of a weight file is its shapes', generative weights among them", () => {
  const shapes: TinySizes[] = [
    { untied: true },
    { height: 1, width: 1, hidden: [1], top: 1, labels: 2, untied: true },
    { height: 5, width: 7, hidden: [31, 1, 33], top: 17, labels: 3, untied: true },
  ];
  const headerBytes = 1024 * 1024;
  for (const sizes of shapes) {
    const model = tinyModel(sizes), { dbn, classifier } = writeWeights(model);
    for (const [name, bytes] of [["dbn", dbn], ["classifier", classifier]] as const) {
      const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const expected = bytes.length - header + headerBytes;
      assertEquals(maxWeightBytes(model.config, modelFiles[name]), expected);
    }
  }
});

/** The error of loading a model from a server that answers for its DBN so. */
async function errorFrom(answer: () => Response): Promise<Error> {
  await using server = Deno.serve({ port: 0, onListen: () => {} }, (request) => {
    const weights = writeWeights(tiny);
    if (request.url.endsWith(modelFiles.config)) return Response.json(tiny.config);
    if (request.url.endsWith(modelFiles.dbn)) return answer();
    return new Response(weights.classifier as BufferSource);
  });
  const url = `http://localhost:${server.addr.port}/`;
  const error = await assertRejects(() => loadModel(url), Error);
  const named = `Cannot read ${url}${modelFiles.dbn}: `;
  assert(error.message.startsWith(named), error.message);
  assert(error.message.length < 1000, error.message);
  return error;
}

/** A body without end; counts what was asked of it. */
function endless() {
  const sent = { bytes: 0 }, chunk = new Uint8Array(64 * 1024);
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent.bytes += chunk.length;
      controller.enqueue(chunk);
    },
  });
  return { body, sent };
}

Deno.test("a URL is refused by the length that it declares", async () => {
  const { body, sent } = endless();
  const headers = { "content-length": "3000000000" };
  const error = await errorFrom(() => new Response(body, { headers }));
  assert(
    error.message.endsWith("(the shapes of config.json and 4 GiB), got 3000000000"),
    error.message,
  );
  assert(sent.bytes < 20e6, `${sent.bytes} bytes were sent`);
});

Deno.test("a URL that declares no length is refused where it passes the bound", async () => {
  const { body, sent } = endless();
  const error = await errorFrom(() => new Response(body));
  assert(error.message.endsWith("(the shapes of config.json and 4 GiB), got more"), error.message);
  assert(sent.bytes < 20e6, `${sent.bytes} bytes were sent`);
});

Deno.test("a URL that answers no file is named with its status", async () => {
  for (const status of [404, 403, 500]) {
    const error = await errorFrom(() => new Response("no", { status }));
    assert(error.message.endsWith(`HTTP status ${status}`), error.message);
  }
});

Deno.test("a URL that breaks off is named", async () => {
  const body = () =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(1000)),
      pull: (controller) => controller.error(new Error("gone")),
    });
  await errorFrom(() => new Response(body()));
});

Deno.test("a URL that falls silent is given up and named, and a slow one is read", async () => {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 150));
  const bodies: Record<string, () => BodyInit | Promise<BodyInit>> = {
    "/no-answer": () => new Promise<BodyInit>(() => {}),
    "/half": () => new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(9)) }),
    "/slow": async () => {
      await pause();
      let left = 6;
      const pull = async (body: ReadableStreamDefaultController<Uint8Array>) => {
        await pause();
        body.enqueue(new Uint8Array(9));
        if (--left === 0) body.close();
      };
      return new ReadableStream({ pull });
    },
  };
  const stop = new AbortController();
  const server = Deno.serve(
    { port: 0, onListen: () => {}, signal: stop.signal },
    async (request) => new Response(await bodies[new URL(request.url).pathname]()),
  );
  const bound = { maxBytes: 100, silenceMs: 800 };
  const read = (path: string) =>
    readBounded(new URL(`http://localhost:${server.addr.port}${path}`), bound);
  const refused = ["/no-answer", "/half"].map(async (path) => {
    const error = await assertRejects(() => read(path), Error);
    assert(error.message.endsWith(`${path}: it sent nothing for 800 ms`), error.message);
  });
  const [slow] = await Promise.all([read("/slow"), ...refused]);
  assertEquals(slow.length, 54);
  stop.abort();
});

Deno.test("a URL where nothing listens is named, without its password", async () => {
  const listener = Deno.listen({ port: 0 }), { port } = listener.addr;
  listener.close();
  const error = await assertRejects(() => loadModel(`http://me:secret@localhost:${port}/m`), Error);
  const named = `Cannot read http://localhost:${port}/m/${modelFiles.config}: `;
  assert(error.message.startsWith(named), error.message);
  assert(!error.message.includes("secret"), error.message);
});

Deno.test("a model loads from a URL", async () => {
  const { dbn, classifier } = writeWeights(tiny);
  const bodies: Record<string, BodyInit> = {
    [modelFiles.config]: JSON.stringify(tiny.config),
    [modelFiles.dbn]: dbn as BufferSource,
    [modelFiles.classifier]: classifier as BufferSource,
  };
  await using server = Deno.serve(
    { port: 0, onListen: () => {} },
    ({ url }) => new Response(bodies[url.slice(url.lastIndexOf("/") + 1)]),
  );
  const model = await loadModel(`http://localhost:${server.addr.port}`);
  assertEquals([model.dbn, model.classifier], [tiny.dbn, tiny.classifier]);
});

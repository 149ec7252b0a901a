/** One suite over both ways to compute: on the thread that serves, and in a worker. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { classify } from "../../src/engine/classify.ts";
import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import { writeWeights } from "../../src/format/weights.ts";
import { encodeGrayPng } from "../../src/image/encode_png.ts";
import { fitDigit } from "../../src/image/fit.ts";
import { toGridPng } from "../../src/image/grid.ts";
import { PngFormatError } from "../../src/image/png.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";
import type { Compute, DrawnFrame, FramesRequest } from "../../src/compute/compute.ts";
import { HandoverCompute } from "../../src/compute/handover_compute.ts";
import { openInline, startWorker } from "../../src/compute/open.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";
import { tinyModel } from "../model/tiny_model.ts";

const model = tinyModel(), engine = createSimdEngine(model);
const { height, width } = model.config.architecture;

const open = async (createWorker?: () => never): Promise<Compute> => {
  const files = writeWeights(model);
  const given = { config: model.config, files, url: "file:///none/" };
  const worker = await startWorker(createWorker);
  return await (worker ? worker.open("simd", given) : openInline("simd", given));
};

const never = new AbortController().signal;

function request(more: Partial<FramesRequest> = {}): FramesRequest {
  const chain = { n: 3, steps: 40, seed: 5, label: 2, burnIn: 0, thin: 10 };
  return { chain, format: { kind: "png", scale: 2 }, lastOnly: false, ...more };
}

async function collect(frames: AsyncIterable<DrawnFrame>): Promise<DrawnFrame[]> {
  const all: DrawnFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

const images = Float32Array.from({ length: 7 * 784 }, (_, i) => (i * 37 % 256) / 255);

const ways: [string, () => Promise<Compute>][] = [
  ["a worker", () => open()],
  ["the serving thread", () =>
    open(() => {
      throw new ReferenceError("Worker is not defined");
    })],
  ["a handover from one to the other", async () => {
    const noWorker = () => {
      throw new ReferenceError("Worker is not defined");
    };
    return new HandoverCompute(await open(noWorker), {
      openNext: () => open(),
      onFailure: (error) => {
        throw error;
      },
    });
  }],
];

for (const [name, start] of ways) {
  Deno.test(`${name} classifies as the library does, however requests come together`, async () => {
    const compute = await start(), expected = await classify(engine, images);
    assertEquals(await compute.classify(images.slice()), expected);
    const parts = await Promise.all(
      [0, 1, 2, 3, 4, 5, 6].map((i) => compute.classify(images.slice(i * 784, (i + 1) * 784))),
    );
    assertEquals(parts.flat(), expected);
    compute.dispose();
  });

  Deno.test(`${name} draws the frames of the library's chains, streamed or the last alone`, async () => {
    const compute = await start(), { chain } = request();
    const { images: last } = await generateFrame(engine, { ...chain, thin: undefined });
    const png = toGridPng(last, { height, width, scale: 2 });
    const stream = await collect(compute.frames(request(), never));
    assertEquals(stream.map(({ step }) => step), [10, 20, 30, 40]);
    assertEquals(stream[3].png, png);
    const [alone, ...more] = await collect(compute.frames(request({ lastOnly: true }), never));
    assertEquals([alone.step, alone.labels, alone.png, more.length], [40, [2, 2, 2], png, 0]);
    const [bytes] = await collect(
      compute.frames(request({ lastOnly: true, format: { kind: "pixels" } }), never),
    );
    assertEquals(bytes.pixels, Uint8Array.from(last, (p) => Math.round(255 * p)));
    compute.dispose();
  });

  Deno.test(`${name} goes on with others while a stream's reader takes nothing`, async () => {
    const compute = await start();
    const chain = { ...request().chain, steps: 5000, thin: 1 };
    const held = compute.frames(request({ chain }), never);
    await held.next();
    for (let i = 0; i < 3; i++) await compute.classify(images.slice(0, 784));
    await collect(compute.frames(request(), never));
    await held.return();
    compute.dispose();
  });

  Deno.test(`${name} ends a chain when its signal is aborted, quietly`, async () => {
    const compute = await start(), leaving = new AbortController();
    const chain = { ...request().chain, n: 100, steps: 1_000_000, thin: 1_000_000 };
    const reading = collect(compute.frames(request({ chain }), leaving.signal));
    setTimeout(() => leaving.abort(), 20);
    assertEquals(await reading, []);
    const started = performance.now();
    await compute.classify(images.slice(0, 784));
    assert(performance.now() - started < 2000, "the chain still runs");
    compute.dispose();
  });

  Deno.test(`${name} ends the chain that began first, first, when it is drained`, async () => {
    const compute = await start(), ended: string[] = [];
    const run = async (name: string, steps: number) => {
      const chain = { ...request().chain, n: 50, steps, thin: steps };
      await collect(compute.frames(request({ chain, lastOnly: true }), never));
      ended.push(name);
    };
    const both = [run("long", 12_000), run("short", 3000)];
    compute.drain?.();
    await Promise.all(both);
    assertEquals(ended, ["long", "short"]);
    compute.dispose();
  });

  Deno.test(`${name} reads pictures, and says what is wrong with one`, async () => {
    const compute = await start(), data = new Uint8Array(60 * 40).fill(255);
    for (let y = 10; y < 50; y++) data.fill(0, y * 40 + 18, y * 40 + 22);
    const picture = { data, width: 40, height: 60 };
    const pixels = await compute.readPicture(encodeGrayPng(picture), { maxPixels: 10_000 });
    assertEquals(pixels, fitDigit(picture));
    await assertRejects(
      () => compute.readPicture(Uint8Array.of(1, 2), { maxPixels: 10 }),
      PngFormatError,
      "no PNG signature",
    );
    const blank = encodeGrayPng({ data: new Uint8Array(100), width: 10, height: 10 });
    await assertRejects(() => compute.readPicture(blank, { maxPixels: 1000 }), RangeError, "ink");
    compute.dispose();
  });

  Deno.test(`${name} refuses a chain that is out of bounds, and goes on`, async () => {
    const compute = await start(), chain = { ...request().chain, label: 10 };
    await assertRejects(() => collect(compute.frames(request({ chain }), never)), Error, "label");
    assertEquals((await compute.classify(images.slice(0, 784))).length, 1);
    compute.dispose();
  });
}

Deno.test("whoever waits for a worker that ends is told so", async () => {
  const compute = await open(), chain = { ...request().chain, steps: 1_000_000, thin: 1_000_000 };
  const waiting = assertRejects(
    () => collect(compute.frames(request({ chain }), never)),
    Error,
    "worker was ended",
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  compute.dispose();
  await waiting;
  await assertRejects(() => compute.classify(images.slice(0, 784)), Error, "worker was ended");
});

Deno.test("weights that do not fit are refused by the worker's opening, with their tensor", async () => {
  const files = { ...writeWeights(model), classifier: writeWeights(model).dbn };
  const worker = await startWorker();
  await assertRejects(
    () => worker!.open("simd", { config: model.config, files, url: "file:///none/" }),
    Error,
    'tensor "dense1.kernel" is missing',
  );
});

Deno.test("on the serving thread the classifier's bytes are freed at once, the other ones with it", async () => {
  for (const dtype of ["F32", "F16", "I8"] as const) {
    const made = toDtype(tinyModel(), dtype), files = writeWeights(made), { config } = made;
    const twin = createSimdEngine(made), some = images.slice(0, 784);
    const compute = await openInline("simd", { config, files, url: "file:///none/" });
    assertEquals(files.classifier.length, 0);
    assert(files.dbn.length > 0);
    assertEquals(await compute.classify(some), await classify(twin, some));
    const { chain } = request(), pixels = { kind: "pixels" } as const;
    const [frame] = await collect(
      compute.frames(request({ format: pixels, lastOnly: true }), never),
    );
    const { images: expected } = await generateFrame(twin, chain);
    assertEquals(frame.pixels, Uint8Array.from(expected, (p) => Math.round(255 * p)));
    compute.dispose();
    assertEquals(files.dbn.length, 0);
    twin.dispose();
  }
});

Deno.test("bytes of two files in one buffer stay until both are done with", async () => {
  const { dbn, classifier } = writeWeights(model),
    both = new Uint8Array(dbn.length + classifier.length);
  both.set(dbn);
  both.set(classifier, dbn.length);
  const files = { dbn: both.subarray(0, dbn.length), classifier: both.subarray(dbn.length) };
  const compute = await openInline("simd", { config: model.config, files, url: "file:///none/" });
  assertEquals(await compute.classify(images), await classify(engine, images));
  assertEquals(files.classifier.length, classifier.length);
  compute.dispose();
  assertEquals(both.length, 0);
});

Deno.test("an error that is not about workers is not taken for one", async () => {
  const create = () => {
    throw new SyntaxError("a fault of ours");
  };
  await assertRejects(() => startWorker(create), SyntaxError, "a fault of ours");
});

/** Compute that answers with its name, and tells when it is disposed of. */
function named(name: string, jobs: Promise<void>[] = []): Compute & { disposed: number } {
  const compute = {
    engineName: "simd" as const,
    imageSize: 784,
    labelSize: 10,
    disposed: 0,
    threads: () => ({ wanted: 1, running: 1, reason: name }),
    classify: async () => {
      await jobs.shift();
      return [];
    },
    readPicture: () => Promise.resolve(Uint8Array.of(1)),
    async *frames() {
      await jobs.shift();
      yield { step: 1, labels: [], png: new TextEncoder().encode(name) };
    },
    dispose: () => void compute.disposed++,
  };
  return compute;
}

Deno.test("after a handover new jobs are the next one's, and the first ends with its last job", async () => {
  let finish = () => {};
  const job = new Promise<void>((resolve) => finish = resolve);
  const first = named("first", [job]), next = named("next");
  const compute = new HandoverCompute(first, {
    openNext: () => Promise.resolve(next),
    onFailure: () => {},
  });
  const running = collect(compute.frames(request(), never)); // begins the handover
  await compute.handOver();
  const text = (frame: DrawnFrame) => new TextDecoder().decode(frame.png);
  assertEquals((await collect(compute.frames(request(), never))).map(text), ["next"]);
  assertEquals([first.disposed, compute.threads().reason], [0, "next"]);
  finish();
  assertEquals((await running).map(text), ["first"]);
  assertEquals([first.disposed, next.disposed], [1, 0]);
  compute.dispose();
  assertEquals([first.disposed, next.disposed], [1, 1]);
});

Deno.test("where nothing can take over the first goes on, and a failure is told once", async () => {
  for (const fails of [true, false]) {
    const first = named("first"), failures: unknown[] = [];
    const compute = new HandoverCompute(first, {
      openNext: () => fails ? Promise.reject(new Error("no weights")) : Promise.resolve(undefined),
      onFailure: (error) => failures.push(error),
    });
    await compute.handOver();
    await compute.handOver();
    assertEquals([failures.length, first.disposed], [fails ? 1 : 0, 0]);
    assertEquals(await compute.classify(images), []);
    compute.dispose();
    assertEquals(first.disposed, 1);
  }
});

Deno.test({
  name: "a worker that is disposed of takes its engine's threads with it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const threads = () => [...Deno.readDirSync("/proc/self/task")].length;
    const round = async () => {
      const compute = await open();
      await compute.classify(images); // a batch starts the engine's threads
      for await (const _ of compute.frames(request({ lastOnly: true }), never)) break;
      compute.dispose();
      compute.dispose(); // more than once is harmless
    };
    await round();
    const before = threads();
    for (let i = 0; i < 8; i++) await round();
    for (let i = 0; i < 50 && threads() > before + 2; i++) {
      await new Promise<void>((resolve) => setTimeout(resolve, 100));
    }
    assert(threads() <= before + 2, `${threads()} threads after 8 rounds, ${before} before`);
  },
});

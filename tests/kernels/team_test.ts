import { Worker } from "node:worker_threads";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Team, type TeamStatus, type WorkerThread } from "../../src/kernels/runtime/team.ts";
import { LayerActivation, LayerCall, PANEL } from "../../src/kernels/generated/abi.ts";
import { place } from "../../src/kernels/runtime/pack.ts";
import { placeLayer, placeRows, readRows, runLayer } from "../../src/kernels/serving/dense.ts";

/** An address that no memory of a few pages has. */
const OUTSIDE = 2 ** 32 - 128;

type Listener = (value: unknown) => void;

/** A worker that does nothing but what a test has it say. */
class FakeWorker implements WorkerThread {
  readonly #listeners = new Map<string, Listener>();

  /** @param first the event that it begins with */
  constructor(readonly first: string = "message", readonly value?: unknown) {}

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
    if (event === "exit") queueMicrotask(() => this.say(this.first, this.value));
  }

  say(event: string, value?: unknown): void {
    this.#listeners.get(event)?.(value);
  }

  unref(): void {}
}

/** Whether the team's threads give x·w of a layer large enough to be shared. */
function assertWorks(team: Team): void {
  const inputSize = 512, batch = 512, { arena } = team;
  const weights = new Float32Array(inputSize * 32).fill(0.5), bias = new Float32Array(32);
  arena.scratch(() => {
    const layer = placeLayer(arena, { weights, bias, inputSize });
    const x = placeRows(arena, new Float32Array(batch * inputSize).fill(1), inputSize);
    const out = readRows(arena, runLayer(team, layer, x), 32);
    assert(out.every((sum) => sum === 256));
  });
}

Deno.test("a team with all its workers has no reason to tell", async () => {
  const problems: TeamStatus[] = [];
  const team = new Team(3, undefined, { onProblem: (status) => problems.push(status) });
  assertEquals(team.status, { wanted: 3, running: 1 });
  await team.start();
  assertEquals(team.status, { wanted: 3, running: 3 });
  assertWorks(team);
  team.dispose();
  assertEquals(problems, []);
});

Deno.test("a team of one thread starts no worker", async () => {
  const team = new Team(1, undefined, { startWorker: () => Promise.reject(new Error("started")) });
  await team.start();
  assertEquals(team.status, { wanted: 1, running: 1 });
});

for (
  const [platform, startWorker] of [
    ["no workers", () => Promise.reject(new Error("no such module"))],
    ["a constructor of workers that throws", (): WorkerThread => {
      throw new Error("no such module");
    }],
  ] as const
) {
  Deno.test(`on a platform with ${platform} a team works alone and says why`, async () => {
    const problems: TeamStatus[] = [];
    const team = new Team(4, undefined, {
      startWorker,
      onProblem: (status) => problems.push(status),
    });
    await team.start();
    const reason = "a worker did not start: no such module";
    assertEquals(team.status, { wanted: 4, running: 1, reason });
    assertEquals(problems, [team.status]);
    assertWorks(team);
  });
}

Deno.test("a worker that throws at its start leaves the team alone, the others ended", async () => {
  let hasEnded = false;
  const team = new Team(3, undefined, {
    startWorker: (workerData) => {
      if (workerData.index === 2) return new FakeWorker("error", new Error("out of threads"));
      const url = new URL("../../src/kernels/runtime/worker.ts", import.meta.url);
      const worker = new Worker(url, { workerData });
      worker.on("exit", () => hasEnded = true);
      return worker;
    },
  });
  await team.start();
  assertEquals(team.status.running, 1);
  assertEquals(team.status.reason, "a worker failed: out of threads");
  assertWorks(team);
  await eventually(() => assert(hasEnded, "the other worker still waits"));
});

Deno.test("a worker that dies while it waits is noticed, and no job waits for it", async () => {
  for (
    const [event, value, reason] of [
      ["error", new Error("gone"), "a worker failed: gone"],
      ["exit", 0, "a worker ended"],
    ] as const
  ) {
    const workers: FakeWorker[] = [], problems: TeamStatus[] = [];
    const team = new Team(3, undefined, {
      startWorker: () => workers[workers.push(new FakeWorker()) - 1],
      onProblem: (status) => problems.push(status),
    });
    await team.start();
    assertEquals(team.status, { wanted: 3, running: 3 });
    workers[0].say(event, value);
    assertEquals(team.status, { wanted: 3, running: 1, reason });
    assertEquals(problems, [team.status]);
    assertWorks(team);
  }
});

Deno.test("a job in which every thread fails throws, and the team works alone after it", async () => {
  const team = new Team(3);
  await team.start();
  assertThrows(() => team.run("runLayer", OUTSIDE), WebAssembly.RuntimeError);
  assertEquals(team.status.running, 1);
  assert(team.status.reason?.endsWith("failed"), team.status.reason);
  await eventually(() => assertWorks(team));
});

Deno.test("a job does not wait for workers that fail in it", async () => {
  const problems: TeamStatus[] = [];
  const team = new Team(3, undefined, { onProblem: (status) => problems.push(status) });
  await team.start();
  const { arena, barrier } = team, { kernels } = arena;
  const out = arena.allocate(PANEL);
  const call = place(arena, LayerCall, {
    ...{ barrier, out, x: out, weights: out, bias: out, batch: 0, inputs: 0, xStride: 0 },
    ...{ scale: 0, widened: 0 },
    ...{ stride: PANEL, activation: LayerActivation.None, inverseTemperature: 1 },
  });
  // The caller's thread runs a call that is well, up to the barrier; the others run one outside memory.
  const runLayer = () => kernels.runLayer(call, 0);
  Object.assign(arena, { kernels: { ...kernels, runLayer } });
  assertThrows(() => team.run("runLayer", OUTSIDE), Error, "Cannot run runLayer: worker");
  Object.assign(arena, { kernels });
  await eventually(() => assertWorks(team));
  assertEquals([problems.length, team.status.running], [1, 1]);
});

Deno.test("an arena says why its memory cannot be shared, and hides no other error", () => {
  const { Memory } = WebAssembly;
  const withMemory = (error: Error) => {
    Object.assign(WebAssembly, {
      Memory: class extends Memory {
        constructor(options: WebAssembly.MemoryDescriptor) {
          if (options.shared) throw error;
          super(options);
        }
      },
    });
    return new Team(4).status;
  };
  try {
    const reason = "memory cannot be shared: no threads here";
    const status = { wanted: 4, running: 1, reason };
    assertEquals(withMemory(new TypeError("no threads here")), status);
    assertThrows(() => withMemory(new SyntaxError("a fault of ours")), SyntaxError);
  } finally {
    Object.assign(WebAssembly, { Memory });
  }
});

Deno.test("without SharedArrayBuffer a team works alone and says why", async () => {
  const shared = globalThis.SharedArrayBuffer;
  try {
    Object.assign(globalThis, { SharedArrayBuffer: undefined });
    const team = new Team(2);
    await team.start();
    const reason = "memory cannot be shared: SharedArrayBuffer is missing";
    assertEquals(team.status, { wanted: 2, running: 1, reason });
    assertWorks(team);
  } finally {
    Object.assign(globalThis, { SharedArrayBuffer: shared });
  }
});

/** Tries for two seconds: workers leave a job that failed on their own. */
async function eventually(f: () => void): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const [{ status }] = await Promise.allSettled([new Promise<void>((resolve) => resolve(f()))]);
    if (status === "fulfilled") return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  f();
}

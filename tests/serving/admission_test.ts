import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { AdmissionGate, AdmissionRefused, type Place } from "../../src/serving/admission.ts";

const long = 60_000;

Deno.test("a place is free again after its release, and only once", async () => {
  const gate = new AdmissionGate({ places: 1, maxWaiting: 2 });
  const place = await gate.enter({ client: "a", maxWaitMs: long });
  const next = gate.enter({ client: "a", maxWaitMs: long });
  assertEquals([gate.running, gate.waiting], [1, 1]);
  place.release();
  place.release();
  assertEquals([gate.running, gate.waiting], [1, 0]);
  (await next).release();
  assertEquals(gate.running, 0);
});

Deno.test("a full queue, a passed deadline and a stop are refused, each by its name", async () => {
  const gate = new AdmissionGate({ places: 1, maxWaiting: 1 });
  const place = await gate.enter({ client: "a", maxWaitMs: long });
  const late = gate.enter({ client: "b", maxWaitMs: 5 });
  const full = await assertRejects(
    () => gate.enter({ client: "c", maxWaitMs: long }),
    AdmissionRefused,
    "At most 1 requests run and 1 wait",
  );
  assertEquals(full.reason, "full");
  assertEquals((await assertRejects(() => late, AdmissionRefused)).reason, "deadline");
  const waiting = gate.enter({ client: "b", maxWaitMs: long });
  gate.stop();
  assertEquals((await assertRejects(() => waiting, AdmissionRefused)).reason, "stopping");
  await assertRejects(() => gate.enter({ client: "d", maxWaitMs: long }), AdmissionRefused);
  place.release();
  assertEquals([gate.running, gate.waiting], [0, 0]);
});

Deno.test("a client that leaves the queue makes room at once", async () => {
  const gate = new AdmissionGate({ places: 1, maxWaiting: 1 });
  const place = await gate.enter({ client: "a", maxWaitMs: long }), leaving = new AbortController();
  const waiting = gate.enter({ client: "b", signal: leaving.signal, maxWaitMs: long });
  leaving.abort(new Error("gone"));
  await assertRejects(() => waiting, Error, "gone");
  const other = gate.enter({ client: "c", maxWaitMs: long });
  place.release();
  (await other).release();
});

Deno.test("clients take turns: one with a hundred requests does not hold up another's one", async () => {
  const gate = new AdmissionGate({ places: 1, maxWaiting: 200 });
  const first = await gate.enter({ client: "greedy", maxWaitMs: long }), order: string[] = [];
  const done = Array.from({ length: 101 }, async (_, i) => {
    const client = i < 100 ? "greedy" : "modest";
    const place = await gate.enter({ client, maxWaitMs: long });
    order.push(client);
    place.release();
  });
  first.release();
  await Promise.all(done);
  assert(order.indexOf("modest") <= 1, `came ${order.indexOf("modest") + 1}th`);
});

/** What a random client of the gate does next. */
type Command =
  | { kind: "enter"; client: number }
  | { kind: "release" | "releaseAgain" | "leave"; which: number }
  | { kind: "stop" };

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("enter" as const), client: fc.nat(3) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("release" as const, "releaseAgain" as const, "leave" as const),
      which: fc.nat(100),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "stop" as const }) },
);

Deno.test("no interleaving loses a place, gives one twice, or forgets who waits", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        places: fc.integer({ min: 1, max: 4 }),
        maxWaiting: fc.integer({ min: 0, max: 6 }),
      }),
      fc.array(command, { maxLength: 120 }),
      async ({ places, maxWaiting }, commands) => {
        const gate = new AdmissionGate({ places, maxWaiting });
        // The model: who runs, who waits by client, and whose turn is next.
        interface Asked {
          client: string;
          place?: Place;
          refused?: unknown;
          leaving: AbortController;
        }
        const running: Asked[] = [], released: Asked[] = [];
        let lines: { client: string; asked: Asked[] }[] = [], stopped = false;
        const waiting = () => lines.flatMap(({ asked }) => asked);
        const admit = () => {
          while (running.length < places && lines.length > 0) {
            const line = lines.shift()!;
            running.push(line.asked.shift()!);
            if (line.asked.length > 0) lines.push(line);
          }
        };
        for (const step of commands) {
          if (step.kind === "stop") {
            gate.stop();
            stopped = true;
            lines = [];
          } else if (step.kind === "enter") {
            const asked: Asked = { client: `c${step.client}`, leaving: new AbortController() };
            const expectRefusal = stopped ||
              running.length >= places && waiting().length >= maxWaiting;
            gate.enter({ client: asked.client, signal: asked.leaving.signal, maxWaitMs: long })
              .then((place) => asked.place = place, (error) => asked.refused = error);
            if (!expectRefusal) {
              if (running.length < places) running.push(asked);
              else {
                const line = lines.find(({ client }) => client === asked.client);
                if (line) line.asked.push(asked);
                else lines.push({ client: asked.client, asked: [asked] });
              }
            }
            await settle();
            assertEquals(asked.refused instanceof AdmissionRefused, expectRefusal);
          } else if (step.kind === "release" && running.length > 0) {
            const [asked] = running.splice(step.which % running.length, 1);
            asked.place!.release();
            released.push(asked);
            admit();
          } else if (step.kind === "releaseAgain" && released.length > 0) {
            released[step.which % released.length].place!.release();
          } else if (step.kind === "leave" && waiting().length > 0) {
            const asked = waiting()[step.which % waiting().length];
            asked.leaving.abort(new Error("left"));
            for (const line of lines) line.asked = line.asked.filter((other) => other !== asked);
            lines = lines.filter((line) => line.asked.length > 0);
          }
          await settle();
          assertEquals([gate.running, gate.waiting], [running.length, waiting().length]);
          for (const asked of running) assert(asked.place, "one that should run has no place");
          for (const asked of waiting()) assert(!asked.place && !asked.refused);
        }
        gate.stop(); // ends the timers of those who wait
        for (const asked of running) asked.place!.release();
        await settle();
        assertEquals([gate.running, gate.waiting], [0, 0]);
      },
    ),
    { numRuns: 300 },
  );
});

/** Lets settled promises run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

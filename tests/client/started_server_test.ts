/** The typed client against a server as users start it, over the released model, that is stopped and killed. */
import { assert, assertEquals } from "@std/assert";
import { createClient, ServiceError } from "../../src/client/client.ts";
import { startServer } from "../serving/running_server.ts";
import { eventually, running } from "./running_app.ts";

const long = { n: 5, steps: 9000, thin: 1, scale: 1 };

/** How a stream fails when a signal goes to its server after some frames. */
async function failureAfter(signal: Deno.Signal): Promise<ServiceError> {
  const server = await startServer(), client = createClient(server.origin);
  const failure = await (async () => {
    for await (const { step } of client.stream(long)) if (step === 5) server.signal(signal);
  })().catch((error) => error);
  await eventually(() => server.exit() !== undefined);
  const gone = await client.ready().catch((error) => error);
  assert(gone instanceof ServiceError && gone.kind === "connection", `${gone}`);
  assert(failure instanceof ServiceError, `${failure}`);
  return failure;
}

Deno.test("a started server generates threes, reads them, and stops what its client leaves", async () => {
  const server = await startServer(), client = createClient(server.origin);
  const { model, images, labels } = await client.generate({ label: 3, n: 16, seed: 1 });
  assertEquals([model.name, images.length, labels.length], ["mnist-dbn", 16, 16]);
  const read = await client.classify(images);
  assert(read.labels.filter((label) => label === 3).length >= 14, `${read.labels}`);
  const { png } = await client.generate({ format: "png", label: 3, seed: 1, scale: 4 });
  assertEquals((await client.classify(new Blob([png as BlobPart]))).labels, [3]);
  for await (const _ of client.stream(long)) break;
  await eventually(async () => await running(server.origin) === 0);
  assertEquals((await server.stop()).code, 0);
});

Deno.test("a stream of a server that is told to stop says so", async () => {
  const { kind, problem } = await failureAfter("SIGTERM");
  assertEquals([kind, problem.reason], ["ended", "stopping"]);
});

Deno.test("a stream of a server that is killed breaks off", async () => {
  const { kind, status } = await failureAfter("SIGKILL");
  assertEquals([kind, status], ["connection", 200]);
});

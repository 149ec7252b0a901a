import { assert, assertEquals } from "@std/assert";
import { Listener } from "../src/listener.ts";
import { delay, startBy } from "./serving/running_server.ts";

/** A server that accepts until it is told to fail. */
function fakeServer(port: number) {
  const finished = Promise.withResolvers<void>();
  const server = {
    addr: { port: port || 4000, hostname: "", transport: "tcp" },
    finished: finished.promise,
    isShut: false,
    shutdown: () => {
      server.isShut = true;
      return Promise.resolve();
    },
  };
  return { server, fail: (message: string) => finished.reject(new Error(message)) };
}

Deno.test("a server that fails is closed and opened again at its port, until that works", async () => {
  const opened: ReturnType<typeof fakeServer>[] = [], ports: number[] = [], faults: string[] = [];
  let refusals = 0;
  const listener = new Listener(0, {
    serve: (port) => {
      ports.push(port);
      if (refusals-- > 0) throw new Error("no descriptor");
      opened.push(fakeServer(port));
      return opened.at(-1)!.server as unknown as Deno.HttpServer<Deno.NetAddr>;
    },
    onFault: (error) => faults.push((error as Error).message),
  });
  refusals = 2;
  opened[0].fail("too many");
  while (opened.length < 2) await delay(20);
  assertEquals(ports, [0, 4000, 4000, 4000]);
  assertEquals(faults, ["too many", "no descriptor", "no descriptor"]);
  assertEquals(opened.map(({ server }) => server.isShut), [true, false]);
  await listener.shutdown();
  opened[1].fail("after the stop");
  await delay(150);
  assertEquals([opened.length, opened[1].server.isShut, faults.length], [2, true, 3]);
});

Deno.test({
  name: "idle connections that take every file descriptor do not end the server",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const run = `ulimit -n 256; exec ${Deno.execPath()} run -A src/serve.ts "$@"`;
    const server = await startBy(["sh", "-c", run, "sh"]);
    const slow = fetch(`${server.origin}/generate?n=20&steps=1000&seed=1`);
    await delay(700); // the worker has taken over
    const idle: Deno.TcpConn[] = [];
    for (let i = 0; i < 400; i++) {
      try {
        idle.push(await Deno.connect({ port: server.port }));
      } catch (error) {
        const isRefusal = error instanceof Deno.errors.ConnectionRefused ||
          error instanceof Deno.errors.ConnectionReset;
        if (!isRefusal) throw error;
        await delay(2); // it is closed for a moment
      }
    }
    await delay(400);
    assert(server.log().includes("Too many open files"), "the limit was met");
    const health = await fetch(`${server.origin}/health/live`);
    assertEquals([health.status, (await health.json()).status], [200, "live"]);
    assertEquals((await slow).status, 200);
    assert((await (await slow).bytes()).length > 1000, "what was being answered is");
    for (const connection of idle) connection.close();
    assertEquals((await server.stop()).code, 0);
  },
});

/** The reverse proxy's lines of docs/deploy.md, run by a real Caddy in front of a real server. */
import { assert, assertEquals } from "@std/assert";
import { connect, delay, readAll, startServer } from "./running_server.ts";

const caddy = await findCaddy();
const skipped = "skipped, since there is no caddy (Debian: apt-get install caddy)";

Deno.test({
  name: `a proxy bounds headers and idle connections${caddy ? "" : `: ${skipped}`}`,
  ignore: !caddy,
  fn: async () => {
    const server = await startServer(), port = freePort();
    const directory = await Deno.makeTempDir();
    await Deno.writeTextFile(`${directory}/Caddyfile`, await caddyfile(port, server.port));
    const proxy = new Deno.Command("caddy", {
      args: ["run", "--config", `${directory}/Caddyfile`, "--adapter", "caddyfile"],
      env: { XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const origin = `http://localhost:${port}`;
      await untilItAnswers(origin);
      const direct = await fetch(`${server.origin}/generate?label=3&seed=1&steps=5`);
      const passed = await fetch(`${origin}/generate?label=3&seed=1&steps=5`);
      assertEquals(await passed.bytes(), await direct.bytes());

      // A stream passes frame by frame: its first bytes come long before its end.
      const stream = await fetch(`${origin}/generate?format=sse&steps=2000&thin=1&seed=1`);
      const reader = stream.body!.getReader(), { value } = await reader.read();
      assert(new TextDecoder().decode(value).startsWith("event: frame"));
      await reader.cancel();

      const half = await connect(port, "GET / HTTP/1.1\r\nHost: loc");
      const idle = await connect(port, "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
      const started = performance.now();
      await Promise.all([readAll(half, 9000), readAll(idle, 9000)]);
      const ms = performance.now() - started;
      assert(ms < 6000, `the proxy kept half a header or an idle connection ${ms.toFixed(0)} ms`);
    } finally {
      proxy.kill("SIGTERM");
      await proxy.status;
      await server.stop();
      await Deno.remove(directory, { recursive: true });
    }
  },
});

/** The document's own lines, with this test's ports and one second for each deadline. */
async function caddyfile(port: number, upstream: number): Promise<string> {
  const text = await Deno.readTextFile(new URL("../../docs/deploy.md", import.meta.url));
  const lines = /```caddyfile\n([\s\S]*?)```/.exec(text)![1];
  const replaced = lines
    .replace("{\n", "{\n\tadmin off\n\tauto_https off\n")
    .replace("example.org", `http://localhost:${port}`)
    .replace("localhost:8000", `localhost:${upstream}`)
    .replace("read_header 5s", "read_header 1s")
    .replace("idle 60s", "idle 1s");
  assertEquals(replaced.match(/ 1s$/gm)?.length, 2, "deploy.md bounds headers and idle time");
  return replaced;
}

async function findCaddy(): Promise<boolean> {
  try {
    const command = new Deno.Command("caddy", { args: ["version"], stdout: "null" });
    return (await command.output()).success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

function freePort(): number {
  const listener = Deno.listen({ port: 0 });
  listener.close();
  return listener.addr.port;
}

async function untilItAnswers(origin: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      const response = await fetch(`${origin}/health/live`);
      await response.bytes();
      if (response.ok) return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // nobody listens yet
    }
    await delay(50);
  }
  throw new Error(`The proxy at ${origin} did not start within 5 s`);
}

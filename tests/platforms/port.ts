/** Ports of this machine, and servers that are waited for. @module */

const START_MS = 60_000;

/** A port that nothing listens at. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Waits until a server answers at a port. @throws {Error} if it does not in a minute. */
export async function waitForPort(port: number, isEnded: () => boolean): Promise<void> {
  for (const end = performance.now() + START_MS; performance.now() < end;) {
    if (isEnded()) throw new Error("it ended before it listened");
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`nothing listened at port ${port} in ${START_MS / 1000} s`);
}

/** A server in a process of its own. */
export interface RunningProcess extends AsyncDisposable {
  origin: string;
  pid: number;
  /** When it was started, as `performance.now` says it. */
  startedAt: number;
}

/** Starts a server, and waits until its port answers. @throws {Error} with what it said, if it does not. */
export async function startProcess(
  program: string,
  args: readonly string[],
  { port, cwd, env = {} }: { port: number; cwd: string; env?: Record<string, string> },
): Promise<RunningProcess> {
  const startedAt = performance.now();
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isEnded = false;
  child.status.then(() => isEnded = true);
  const said = Promise.all(
    [child.stdout, child.stderr].map((output) => new Response(output).text()),
  );
  const end = async () => {
    if (!isEnded) child.kill("SIGKILL");
    await child.status;
    return (await said).join("").trim().slice(-2000);
  };
  try {
    await waitForPort(port, () => isEnded);
  } catch (cause) {
    throw new Error(`${program} did not start: ${await end()}`, { cause });
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid,
    startedAt,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

/** A server as users start it, in a process of its own. */

const root = new URL("../../", import.meta.url).pathname;

/** A running server: its address, its log, and its end. */
export interface RunningServer {
  origin: string;
  port: number;
  /** Process id. */
  pid: number;
  log(): string;
  /** How it ended; undefined while it runs. */
  exit(): Deno.CommandStatus | undefined;
  /** Sends a signal, without waiting. */
  signal(signal: Deno.Signal): void;
  /** Sends a signal and waits for the exit. */
  stop(signal?: Deno.Signal): Promise<{ code: number; ms: number }>;
}

/** Starts the server by `deno run`, as `task start` does, and waits until it serves. */
export async function startServer(...args: string[]): Promise<RunningServer> {
  return await startBy(await startCommand(), args);
}

/** The words of the command of `task start`, in a checkout. */
export async function startCommand(directory = root): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${directory}/deno.json`));
  const [deno, run, ...words] = (tasks.start.command as string).split(" ");
  if (deno !== "deno") throw new Error(`task start must begin with deno, got ${deno}`);
  return [Deno.execPath(), run, "--no-prompt", ...words];
}

/** How a server is started. */
export interface StartOptions {
  /** Its working directory. @default this checkout */
  directory?: string;
  /**
   * Signals go to the command's whole process group, as from a terminal; `stop` then waits until every
   * process of it has let go of its output, and tells the code of the first.
   */
  group?: boolean;
  /** Whether it is told by a flag to take any free port, and not by its environment. @default true */
  withPortFlag?: boolean;
  env?: Record<string, string>;
}

/**
 * Starts the server of a checkout by a command of the shell and waits until it serves.
 */
export async function startBy(
  [program, ...first]: readonly string[],
  args: readonly string[] = [],
  { directory = root, group = false, withPortFlag = true, env = {} }: StartOptions = {},
): Promise<RunningServer> {
  const child = new Deno.Command(program, {
    args: [...first, ...withPortFlag ? ["--port", "0"] : [], ...args],
    cwd: directory,
    detached: group, // into a group of its own
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "", ended: Deno.CommandStatus | undefined;
  child.status.then((status) => ended = status);
  const reading = [child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) log += text;
  });
  const serving = /serving on (http:\/\/\S+:(\d+))/;
  while (!serving.test(log)) {
    if (ended) throw new Error(`The server has ended before it served: ${log}`);
    await delay(10);
  }
  const [, origin, port] = serving.exec(log)!;
  const send = (signal: Deno.Signal) => group ? Deno.kill(-child.pid, signal) : child.kill(signal);
  return {
    origin,
    port: Number(port),
    pid: child.pid,
    log: () => log,
    exit: () => ended,
    signal: send,
    stop: async (signal = "SIGTERM") => {
      const started = performance.now();
      if (!ended) send(signal); // else it has ended by itself, and its code says how
      const { code } = await child.status;
      await Promise.all(reading);
      return { code, ms: performance.now() - started };
    },
  };
}

/** Resolves after some milliseconds. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A bare connection that has sent `text`, and reads nothing unless asked. */
export async function connect(port: number, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ port });
  await connection.write(new TextEncoder().encode(text));
  return connection;
}

/** What comes through a connection until it is closed, at most for `ms`. */
export async function readAll(connection: Deno.TcpConn, ms = 5000): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65536), timer = setTimeout(() => connection.close(), ms);
  try {
    for (let count = await connection.read(buffer); count !== null;) {
      text += new TextDecoder().decode(buffer.subarray(0, count));
      count = await connection.read(buffer);
    }
  } catch (error) {
    const ended = error instanceof Deno.errors.BadResource ||
      error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.Interrupted;
    if (!ended) throw error;
  } finally {
    clearTimeout(timer);
  }
  return text;
}

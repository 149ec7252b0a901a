/**
 * How long a server takes to its first answer.
 * @module
 */
import { residentBytes } from "../resident.ts";
import { startCommand } from "../serving/running_server.ts";

/** What a server is started with besides. */
export interface ColdStartOptions {
  /** Variables of the environment; an empty one is none. */
  variables?: Record<string, string>;
  /** Whether it may read and write anywhere. */
  hasAllPermissions?: boolean;
}

/**
 * Process start to the first classification answered, in ms, and resident memory then, in MiB.
 * @param root the checkout that serves
 */
export async function coldStart(
  engine: string,
  root: string,
  { variables = {}, hasAllPermissions = false }: ColdStartOptions = {},
): Promise<{ ms: number; mib: number }> {
  // As users start it; onnx alone has its library in the other lock, and reads it from Deno's cache.
  const [deno, run, ...words] = await startCommand(root);
  const lock = engine === "onnx" ? ["--lock=deno.dev.lock"] : [];
  const isOpen = hasAllPermissions || engine === "onnx";
  const flags = isOpen ? ["-A", ...words.filter((word) => !word.startsWith("--allow-"))] : words;
  const started = performance.now();
  const child = new Deno.Command(deno, {
    args: [run, ...lock, ...flags, "--port", "0", "--engine", engine],
    cwd: root,
    env: variables,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!/serving on (\S+)/.test(log)) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`Cannot measure: the server with engine ${engine} did not start`);
    log += value;
  }
  const response = await fetch(`${/serving on (\S+)/.exec(log)![1]}/classify`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(784).fill(50),
  });
  await response.json();
  const ms = performance.now() - started;
  const mib = (await residentBytes(child.pid) ?? NaN) / 2 ** 20;
  child.kill("SIGTERM");
  lines.cancel();
  await child.status;
  return { ms, mib };
}

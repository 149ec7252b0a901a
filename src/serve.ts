/**
 * The composition root for serving: `deno task start`, and the entry point on Deno Deploy.
 * @module
 */
import { type Command, runCommand, runProgram } from "./cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "./cli/flags.ts";
import { type EngineName, engineNames } from "./engine/engine.ts";
import type { LogRecord } from "./http/service.ts";
import type { TokenRecord } from "./http/tokens.ts";
import { Listener } from "./listener.ts";
import { importLater } from "./outside/import_later.ts";
import { readModelFiles, releasedModel } from "./repository/model_directory.ts";
import type { ServedModels } from "./serving/served.ts";
import { chooseSource } from "./serving/source.ts";

const MAX_PORT = 65535;

const flagTable: FlagTable = {
  port: {
    kind: "integer",
    help: "TCP port, 0 for any free one",
    default: "$PORT, or 8000",
    range: [0, MAX_PORT],
  },
  host: { kind: "string", help: "address to listen on", default: "0.0.0.0" },
  engine: { kind: "string", help: "what computes", choices: engineNames, default: "simd" },
  model: {
    kind: "path",
    help:
      "models/NAME, whose production version is served; or a version's directory or URL, for good",
    default: `models/mnist-dbn, at first ${releasedModel}`,
  },
  repository: {
    kind: "string",
    help: "where versions live: a path, kv:, kv:PATH, s3://BUCKET/PREFIX or https://…",
    default: "$DBN_REPOSITORY, or models",
  },
  "trusted-key": {
    kind: "path",
    isRepeatable: true,
    help: "public key in PEM: a pushed version that none of these has signed is refused",
  },
  tokens: {
    kind: "path",
    help: "file with the tokens of those who may push and promote",
    default: "$DBN_TOKENS",
  },
  "grace-seconds": {
    kind: "number",
    help: "time to answer what was admitted when stopping",
    default: "10",
    range: [0, 3600],
  },
};

/** `deno task start` and `dbn serve`. */
export const command: Command = {
  usage: "deno task start [flags]",
  about: "Serves digit classification and generation over HTTP.",
  flags: flagTable,
  run: serve,
};

const DEFAULT_PORT = 8000;
/** After the first answers, and before a server has much to do. */
const HANDOVER_DELAY_MS = 500;
/** How long a start waits for a repository's production version, before the bundled model answers. */
const MAX_START_MS = 10_000;
const DEFAULT_GRACE_SECONDS = 10;
/**
 * How long a stopping server goes on to read: requests that had arrived are answered, if only with 503,
 * and clients that come again learn that their connection closes before it does.
 */
const ARRIVED_MS = 100;
/** Statuses that never have a body, so that none can be put on them. */
const NO_BODY = [101, 103, 204, 205, 304];
/** Two signals within this time are one stop. */
const ONE_STOP_MS = 200;

type Fetch = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

/** Serves until SIGINT or SIGTERM. */
async function serve(flags: FlagValues): Promise<void> {
  const engineName = (flags.engine ?? "simd") as EngineName;
  const port = (flags.port ?? readPort()) as number;
  const graceMs = 1000 * ((flags["grace-seconds"] ?? DEFAULT_GRACE_SECONDS) as number);
  // Modules are evaluated while other threads read and hash the weights.
  const source = await chooseSource({
    model: flags.model as string | undefined,
    repository: (flags.repository ?? (readEnvironment("DBN_REPOSITORY") || undefined)) as
      | string
      | undefined,
  });
  const { repository, model } = source;
  const keys = flags["trusted-key"] as string[] | undefined;
  const checkSignature = keys && await readSignatureCheck(keys);
  if (checkSignature && engineName === "onnx") {
    throw new FlagError(
      "--trusted-key is not for --engine onnx, whose graphs no signature covers yet",
    );
  }
  const files = readModelFiles(model);
  Promise.allSettled([files]); // its error is thrown where it is awaited
  const opening = { engine: engineName, model, files, repository, checkSignature, log: writeLog };
  const [serving, isPromoted, tokens, { createApp }, { curlExamples }] = await Promise.all([
    import("./serving/open_serving.ts").then(({ openServing }) => openServing(opening)),
    source.isPromoted(),
    readTokens(flags.tokens as string | undefined),
    import("./http/app.ts"),
    import("./http/routes/index_page.ts"),
  ]);
  if (isPromoted) await serving.sync(MAX_START_MS);
  const { models } = serving, shutdown = new AbortController(), { signal } = shutdown;
  const app = createApp({
    models,
    tokens,
    openRepository: repository,
    log: writeLog,
    shutdown: signal,
  });
  const hostname = (flags.host ?? "0.0.0.0") as string;
  const greet = (origin: string) =>
    [
      `serving on ${origin}`,
      describeServed(models, tokens),
      "",
      ...curlExamples(origin).map((line) => `  ${line}`),
      "",
    ].join("\n");
  const server = listen(hostname, port, closingWhenStopped(app.fetch, signal), greet);
  setTimeout(() => {
    serving.handOver();
    serving.watch(signal);
  }, HANDOVER_DELAY_MS);
  await new Promise<void>((resolve) => stopOnSignals(resolve));
  shutdown.abort();
  const isDone = await Promise.race([answerTheRest(server), delay(graceMs)]);
  // What is left stalls, sends nothing, reads nothing, or computes for too long: it is broken off.
  console.log(isDone ? "stopped" : `stopped after ${graceMs / 1000} s, with connections open`);
  models.dispose();
}

/** Serves requests that have arrived, closes what is idle, and waits for what is being answered. */
async function answerTheRest(server: Listener): Promise<boolean> {
  await delay(ARRIVED_MS);
  await server.shutdown();
  return true;
}

/** Answers by `fetch`; once the server stops each one is the last of its connection. */
function closingWhenStopped(fetch: Fetch, stopping: AbortSignal): Fetch {
  return async (request, info) => {
    const response = await fetch(request, info);
    if (!stopping.aborted) return response;
    const headers = new Headers(response.headers);
    headers.set("connection", "close");
    return new Response(response.body, { status: response.status, headers });
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function listen(
  hostname: string,
  port: number,
  fetch: Fetch,
  greet: (origin: string) => string,
) {
  let isPrinted = false;
  const onListen = (address: { hostname: string; port: number }) => {
    if (!isPrinted) console.log(greet(originOf(address)));
    isPrinted = true;
  };
  const serve = (port: number) =>
    Deno.serve({ hostname, port, onListen }, async (request, info) => {
      const response = await fetch(request, info);
      return request.method === "HEAD" ? withoutLength(response) : response;
    });
  const onFault = (error: unknown) => writeLog({ level: "error", listener: String(error) });
  try {
    return new Listener(port, { serve, onFault });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new Error(`Cannot listen: port ${port} is in use; choose another with --port`, { cause });
  }
}

/**
 * A HEAD answer that says nothing of the length: for a body that is null Deno would say 0. The stream is
 * never read.
 */
function withoutLength(response: Response): Response {
  if (response.headers.has("content-length") || NO_BODY.includes(response.status)) return response;
  return new Response(new ReadableStream(), response);
}

function originOf({ hostname, port }: { hostname: string; port: number }): string {
  const host = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname;
  return `http://${host}:${port}`;
}

/** Which version answers, and who may change that. */
function describeServed(models: ServedModels, tokens: readonly TokenRecord[]): string {
  const { version } = models.readiness();
  const names = tokens.map(({ name }) => name).join(", ");
  return `${models.model}, version ${version}${names ? `; tokens of ${names} are known` : ""}`;
}

/**
 * The first signal stops gently: running requests are answered. The second one ends at once. A process
 * that is signalled with its group and by its parent too (`deno task`) gets one stop twice.
 */
function stopOnSignals(stop: () => void): void {
  let stoppedAt: number | undefined;
  const onSignal = () => {
    if (stoppedAt !== undefined) {
      if (performance.now() - stoppedAt > ONE_STOP_MS) Deno.exit(130);
      return;
    }
    stoppedAt = performance.now();
    console.log("stopping; once more to end at once");
    stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    try {
      Deno.addSignalListener(signal, onSignal);
    } catch (error) {
      // A platform without signals, or without this one, stops its isolates itself.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotSupported)) throw error;
    }
  }
}

/** The port of the environment, or the default one. */
function readPort(): number {
  const text = Deno.env.get("PORT") ?? String(DEFAULT_PORT);
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= MAX_PORT) return port;
  throw new FlagError(`PORT must be an integer in [0, ${MAX_PORT}], got ${JSON.stringify(text)}`);
}

/** Tokens of a file, or of DBN_TOKENS; their code is loaded where there are any. */
async function readTokens(file: string | undefined): Promise<TokenRecord[]> {
  const text = file === undefined ? readEnvironment("DBN_TOKENS") : await readTokensFile(file);
  if (text === undefined) return [];
  const { parseTokens } = await importLater<typeof import("./http/tokens.ts")>(
    "./http/tokens.ts",
    import.meta.url,
  );
  return parseTokens(text, file ?? "DBN_TOKENS");
}

/** @throws {FlagError} naming the file and why it cannot be read */
async function readTokensFile(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new FlagError(`--tokens: cannot read ${file}: ${cause.message}`, { cause });
  }
}

/** What refuses versions that none of the keys in these files has signed. */
async function readSignatureCheck(files: string[]) {
  const [{ readTrustedKeyFiles }, { signatureCheck }] = await Promise.all([
    importLater<typeof import("./signing/key_files.ts")>("./signing/key_files.ts", import.meta.url),
    importLater<typeof import("./signing/version.ts")>("./signing/version.ts", import.meta.url),
  ]);
  return signatureCheck(await readTrustedKeyFiles(files));
}

/** A variable of the environment; undefined where it is not set, or this process may not read it. */
function readEnvironment(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return undefined;
  }
}

function writeLog(record: LogRecord): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), ...record }));
}

/** Runs the command; returns its exit code when the server has stopped. */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(command, args);
}

if (import.meta.main) await runProgram(() => main(Deno.args));

/**
 * `GET /generate`: digits dreamed by Gibbs chains, as a PNG grid, JSON or server-sent events.
 * @module
 */
import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { streamSSE } from "hono/streaming";
import { validator } from "hono/validator";
import { argmaxRows } from "../../math/activations.ts";
import {
  generateFrame,
  gibbsChain,
  type GibbsFrame,
  type GibbsOptions,
} from "../../sampling/gibbs.ts";
import type { Service } from "../service.ts";
import { lazyBody } from "../lazy_body.ts";
import { HttpProblem } from "../problem.ts";
import { readQuery } from "../query.ts";

const formats = {
  png: "image/png",
  json: "application/json",
  sse: "text/event-stream",
} as const;

type Format = keyof typeof formats;

const DEFAULT_STEPS = 200;
/** Frames of a stream unless `thin` is given. */
const DEFAULT_FRAMES = 50;
const CACHE_CONTROL = "public, max-age=86400";

/** A request with its defaults filled in. */
interface GenerateRequest {
  format: Format;
  /** Whether the client chose the seed, so that the answer can be cached. */
  seeded: boolean;
  scale: number;
  chain: GibbsOptions & { n: number; steps: number; seed: number };
}

/** The routes of this resource. */
export function generateRoutes(service: Service) {
  let running = 0;
  return new Hono().get(
    "/",
    validator("query", (_, c) => readRequest(service, c)),
    async (c) => {
      const request = c.req.valid("query");
      const etag = await entityTag(service, request);
      setHeaders(c, request, etag);
      if (request.seeded && matches(c.req.header("if-none-match"), etag)) return c.body(null, 304);
      const { maxRunning } = service.bounds;
      if (running >= maxRunning) {
        throw new HttpProblem(
          503,
          `At most ${maxRunning} requests may generate at the same time; try again in a second`,
          { maxRunning },
          { "retry-after": "1" },
        );
      }
      const occupy = () => {
        running++;
        return () => void running--;
      };
      if (request.format === "sse") return streamFrames(service, c, request, occupy());
      const body = lazyBody(async (signal) => {
        const release = occupy();
        try {
          return await generateBytes(service, request, signal);
        } catch (error) {
          if (!signal.aborted) logFailure(service, c, error);
          throw error;
        } finally {
          release();
        }
      });
      return c.body(body);
    },
  );
}

/** The last frame as a PNG grid or as JSON. */
async function generateBytes(
  service: Service,
  request: GenerateRequest,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const frame = await generateFrame(service.engine, { ...request.chain, signal });
  if (request.format === "png") return await pngOf(service, frame, request.scale);
  return new TextEncoder().encode(JSON.stringify(describeFrame(service, frame, request)));
}

function readRequest({ engine, bounds, randomSeed }: Service, c: Context): GenerateRequest {
  const query = readQuery(c.req.queries(), {
    label: { kind: "integer", min: 0, max: engine.labelSize - 1 },
    n: { kind: "integer", min: 1, max: bounds.maxChains },
    steps: { kind: "integer", min: 1, max: bounds.maxSteps },
    seed: { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
    burnIn: { kind: "integer", min: 0, max: bounds.maxSteps - 1 },
    thin: { kind: "integer", min: 1, max: bounds.maxSteps },
    temperature: { kind: "number", min: 0.05, max: 20 },
    start: { kind: "choice", values: ["noise", "mean", "label"] },
    scale: { kind: "integer", min: 1, max: 8 },
    format: { kind: "choice", values: Object.keys(formats) },
  });
  const { n = 1, steps = DEFAULT_STEPS, seed, label, burnIn = 0, start } = query;
  if (n * steps > bounds.maxChainSteps) {
    throw new HttpProblem(
      400,
      `n × steps must be at most ${bounds.maxChainSteps}, got ${n} × ${steps} = ${n * steps}`,
      { maxChainSteps: bounds.maxChainSteps },
    );
  }
  const format = (query.format ?? preferredFormat(c)) as Format;
  const thin = query.thin ??
    (format === "sse" ? Math.max(1, Math.floor(steps / DEFAULT_FRAMES)) : 1);
  if (burnIn >= steps) {
    throw new HttpProblem(400, `burnIn must be below steps, ${steps}, got ${burnIn}`);
  }
  if (thin > steps) throw new HttpProblem(400, `thin must be at most steps, ${steps}, got ${thin}`);
  if (start === "label" && label === undefined) {
    throw new HttpProblem(400, "start=label needs a label, got none");
  }
  return {
    format,
    seeded: seed !== undefined,
    scale: query.scale ?? 2,
    chain: {
      n,
      steps,
      seed: seed ?? randomSeed(),
      label,
      burnIn,
      thin,
      temperature: query.temperature,
      start: start as "noise" | "mean" | "label" | undefined,
    },
  };
}

/** The format that the Accept header asks for; PNG for a browser or for curl. */
function preferredFormat(c: Context): Format {
  const type = accepts(c, {
    header: "Accept",
    supports: Object.values(formats),
    default: formats.png,
  });
  return (Object.keys(formats) as Format[]).find((format) => formats[format] === type) ?? "png";
}

function setHeaders(c: Context, { format, seeded, chain }: GenerateRequest, etag: string): void {
  c.header("content-type", formats[format]);
  c.header("vary", "Accept");
  c.header("x-seed", String(chain.seed));
  c.header("cache-control", seeded ? CACHE_CONTROL : "no-store");
  if (seeded) c.header("etag", etag);
}

/** A strong tag: weights, engine and every setting that the bytes depend on. */
async function entityTag({ engine, model }: Service, request: GenerateRequest): Promise<string> {
  const { name, version, sha256 } = model.config;
  const identity = JSON.stringify([name, version, sha256, engine.name, request]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity));
  return `"${encodeHex(new Uint8Array(digest)).slice(0, 32)}"`;
}

/** RFC 9110, §13.1.2: weak comparison, so W/ is ignored. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//, "")));
}

/** The codec is loaded with the first image: see ../image/png.ts. */
async function pngOf({ model }: Service, { images }: GibbsFrame, scale: number) {
  const { toGridPng } = await import("../../image/grid.ts");
  const { height, width } = model.config.architecture;
  return toGridPng(images, { height, width, scale });
}

/** A frame as JSON; its pixels are bytes that `POST /classify` takes as they are. */
function describeFrame(
  { engine, model }: Service,
  { step, images, labels }: GibbsFrame,
  { chain }: GenerateRequest,
) {
  const { name, version } = model.config;
  const pixels = Array.from({ length: chain.n }, (_, row) => {
    const image = images.subarray(row * engine.imageSize, (row + 1) * engine.imageSize);
    return Array.from(image, (p) => Math.round(255 * p));
  });
  return {
    model: { name, version },
    engine: engine.name,
    seed: chain.seed,
    step,
    labels: argmaxRows(labels, engine.labelSize),
    pixels,
  };
}

/** An event `frame` for every kept step, then `done`. The chain ends when the client leaves. */
function streamFrames(service: Service, c: Context, request: GenerateRequest, done: () => void) {
  const client = new AbortController();
  const signal = AbortSignal.any([client.signal, service.shutdown]);
  const { steps, seed } = request.chain;
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => client.abort());
    try {
      for await (const frame of gibbsChain(service.engine, { ...request.chain, signal })) {
        const labels = argmaxRows(frame.labels, service.engine.labelSize);
        const png = encodeBase64(await pngOf(service, frame, request.scale));
        await stream.writeSSE({
          event: "frame",
          id: String(frame.step),
          data: JSON.stringify({ step: frame.step, steps, labels, png }),
        });
      }
      if (!signal.aborted) {
        await stream.writeSSE({ event: "done", data: JSON.stringify({ steps, seed }) });
      }
    } catch (error) {
      if (signal.aborted) return;
      logFailure(service, c, error);
      await stream.writeSSE({
        event: "error",
        data: JSON.stringify({ detail: "The chain failed" }),
      });
    } finally {
      done();
    }
  });
}

function logFailure({ log }: Service, c: Context, error: unknown): void {
  const text = error instanceof Error ? error.stack : String(error);
  log({ level: "error", requestId: c.get("requestId"), error: text });
}

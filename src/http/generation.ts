/**
 * What a `GET /generate` asks for: its parameters with their defaults, each within its bounds.
 * @module
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import type { FramesRequest } from "../compute/compute.ts";
import type { ServedVersion } from "../serving/served.ts";
import { HttpProblem } from "./problem.ts";
import { readQuery } from "./query.ts";
import type { Service } from "./service.ts";
import { versionParameter } from "./versions.ts";

/** Media types of an answer. */
export const formats = {
  png: "image/png",
  json: "application/json",
  sse: "text/event-stream",
} as const;

/** Name of a media type. */
export type Format = keyof typeof formats;

const DEFAULT_STEPS = 200;
/** Frames of a stream unless `thin` is given. */
const DEFAULT_FRAMES = 50;
/** A request with its defaults filled in. */
export interface GenerateRequest {
  format: Format;
  /** Whether the client chose the seed, so that the answer can be cached. */
  seeded: boolean;
  scale: number;
  chain: FramesRequest["chain"] & { n: number; steps: number; seed: number };
}

/**
 * Reads a request for a version.
 * @param drawnSeed the seed of a request that names none
 * @throws {HttpProblem} 400 naming the parameter, its bound and its value
 */
export function readGeneration(
  c: Context,
  { bounds }: Service,
  { compute, config }: ServedVersion,
  drawnSeed: number,
): GenerateRequest {
  const query = readQuery(c.req.queries(), {
    label: { kind: "integer", min: 0, max: compute.labelSize - 1 },
    n: { kind: "integer", min: 1, max: bounds.maxChains },
    steps: { kind: "integer", min: 1, max: bounds.maxSteps },
    seed: { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
    burnIn: { kind: "integer", min: 0, max: bounds.maxSteps - 1 },
    thin: { kind: "integer", min: 1, max: bounds.maxSteps },
    temperature: { kind: "number", min: 0.05, max: 20 },
    start: { kind: "choice", values: ["noise", "mean", "label"] },
    scale: { kind: "integer", min: 1, max: 8 },
    format: { kind: "choice", values: Object.keys(formats) },
    ...versionParameter,
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
  const scale = query.scale ?? 2, { height, width } = config.architecture;
  const pixels = n * height * width * scale ** 2;
  if (format !== "json" && pixels > bounds.maxGridPixels) {
    throw new HttpProblem(
      400,
      `A picture may have at most ${bounds.maxGridPixels} pixels, got n × ${height} × ${width} × scale² = ${pixels}`,
      { maxGridPixels: bounds.maxGridPixels, pixels },
    );
  }
  const frames = format === "sse" ? Math.ceil((steps - burnIn) / thin) : 1;
  const estimatedMs = estimateMs({ n, steps, frames, pixels });
  if (estimatedMs > bounds.maxComputeMs) {
    throw new HttpProblem(
      400,
      `A request may take at most ${bounds.maxComputeMs} ms of computing, got about ${estimatedMs} for ${n} × ${steps} steps and ${frames} frames; take a larger thin or a smaller scale`,
      { maxComputeMs: bounds.maxComputeMs, estimatedMs },
    );
  }
  return {
    format,
    seeded: seed !== undefined,
    scale,
    chain: {
      n,
      steps,
      seed: seed ?? drawnSeed,
      label,
      burnIn,
      thin,
      temperature: query.temperature,
      start: start as "noise" | "mean" | "label" | undefined,
    },
  };
}

/** A Gibbs step of a chain, a frame's way down to the pixels of a chain, and a drawn pixel, in ms. */
const STEP_MS = 0.025, DOWN_MS = 0.2, PIXEL_MS = 1e-4;

/** About how long a request computes, in ms on one slow core: what the bound on it is compared with. */
function estimateMs(
  { n, steps, frames, pixels }: { n: number; steps: number; frames: number; pixels: number },
): number {
  return Math.ceil(n * steps * STEP_MS + frames * (n * DOWN_MS + pixels * PIXEL_MS));
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

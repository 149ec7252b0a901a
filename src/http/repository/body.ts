/**
 * Bodies of requests to the repository: small ones as JSON, large ones as a stream within bounds.
 * @module
 */
import type { Context } from "hono";
import { manifestBounds } from "../../format/manifest.ts";
import { isObject } from "../../format/safetensors.ts";
import { parseStrictJson } from "../../format/strict_json.ts";
import { cut, shown } from "../../outside/shown.ts";
import { readBody } from "../body.ts";
import type { Bounds } from "../bounds.ts";
import { HttpProblem } from "../problem.ts";

/** The bytes of a body no larger than a manifest. @throws {HttpProblem} */
export function readSmall(c: Context, { bodyTimeoutMs }: Pick<Bounds, "bodyTimeoutMs">) {
  const maxBodyBytes = manifestBounds.maxManifestBytes;
  return readBody(c.req.raw, { maxBodyBytes, bodyTimeoutMs });
}

/**
 * A body's members; none of an empty body.
 * @throws {HttpProblem} 400 if it is no JSON object, or has other members
 */
export async function readMembers(
  c: Context,
  bounds: Pick<Bounds, "bodyTimeoutMs">,
  members: readonly string[],
): Promise<Record<string, unknown>> {
  const bytes = await readSmall(c, bounds);
  return bytes.length === 0 ? {} : onlyMembers("The body", parse(bytes), members);
}

/** @throws {HttpProblem} 400 if a value is no object of these members */
export function onlyMembers(
  what: string,
  value: unknown,
  members: readonly string[],
): Record<string, unknown> {
  if (!isObject(value)) {
    throw new HttpProblem(400, `${what} must be a JSON object, got ${shown(value)}`);
  }
  const unknown = Object.keys(value).find((key) => !members.includes(key));
  if (unknown === undefined) return value;
  throw new HttpProblem(
    400,
    `${what} has the members ${members.join(", ") || "none"}, got ${shown(unknown)}`,
    { members },
  );
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new HttpProblem(400, `The body must be JSON: ${cut(error.message)}`);
  }
}

/** What a streamed body must be. */
export interface UploadBound {
  /** Bytes that it must have. */
  length: number;
  /** Milliseconds within which some more of it must arrive. */
  silenceMs: number;
  /** Aborted when the server stops. */
  shutdown: AbortSignal;
}

/** A body that is read while it arrives, and how it failed, if it did. */
export interface Upload {
  stream: ReadableStream<Uint8Array>;
  failure(): HttpProblem | undefined;
}

/**
 * A request's body of exactly `length` bytes, part by part: a stream that fails when it is longer, breaks off
 * or falls silent. Bytes after the last one are looked for before the last part is passed on, so that a body
 * that lies does not complete a blob.
 */
export function openUpload(request: Request, bound: UploadBound): Upload {
  const reader = request.body?.getReader();
  let received = 0, held: Uint8Array | undefined, failure: HttpProblem | undefined;
  const next = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const part = reader && await readWithin(reader, received, bound);
      if (!part && received < bound.length) throw brokenOff(received, bound);
      if (!part) {
        const last = held;
        held = undefined;
        return last;
      }
      if (part.length === 0) continue;
      received += part.length;
      if (received > bound.length) {
        throw new HttpProblem(
          400,
          `The body must have ${bound.length} bytes as Content-Range says, got more`,
          { length: bound.length },
        );
      }
      if (received < bound.length) return part;
      held = part;
    }
  };
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const part = await next();
        if (part) controller.enqueue(part);
        else controller.close();
      } catch (error) {
        if (!(error instanceof HttpProblem)) throw error;
        failure = error;
        reader?.cancel().catch(ignoreBroken);
        controller.error(error);
      }
    },
    cancel: async (reason) => {
      await reader?.cancel(reason).catch(ignoreBroken);
    },
  }, { highWaterMark: 0 });
  return { stream, failure: () => failure };
}

/** The next part, undefined at the end. */
async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  received: number,
  { length, silenceMs, shutdown }: UploadBound,
): Promise<Uint8Array | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined, onStop = () => {};
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const detail = `The body sent nothing for ${silenceMs} ms after ${received} bytes`;
      reject(new HttpProblem(408, detail, { silenceMs, received }, { connection: "close" }));
    }, silenceMs);
    onStop = () =>
      reject(new HttpProblem(503, "The server is stopping", {}, { "retry-after": "1" }));
    if (shutdown.aborted) onStop();
    else shutdown.addEventListener("abort", onStop, { once: true });
  });
  try {
    const { value, done } = await Promise.race([reader.read().catch(asBroken), ended]);
    return done ? undefined : value;
  } finally {
    clearTimeout(timer);
    shutdown.removeEventListener("abort", onStop);
  }

  /** Whatever ends the connection's stream early is the client's doing. */
  function asBroken(_: unknown): never {
    throw brokenOff(received, { length });
  }
}

function brokenOff(received: number, { length }: Pick<UploadBound, "length">): HttpProblem {
  const detail =
    `The body broke off after ${received} of ${length} bytes; go on from what is there`;
  return new HttpProblem(400, detail, { received, length });
}

/** A connection that is broken already cannot be cancelled; nothing is lost by it. */
function ignoreBroken(): void {}

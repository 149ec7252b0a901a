/**
 * A request's body, within bounds of size and time.
 * @module
 */
import { joined } from "../outside/collect.ts";
import { cut } from "../outside/shown.ts";
import type { Bounds } from "./bounds.ts";
import { HttpProblem } from "./problem.ts";

/**
 * The whole body.
 * @throws {HttpProblem} 413 above `maxBodyBytes`, 408 after `bodyTimeoutMs`, 400 if it breaks off
 */
export async function readBody(
  request: Request,
  { maxBodyBytes, bodyTimeoutMs }: Pick<Bounds, "maxBodyBytes" | "bodyTimeoutMs">,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new HttpProblem(413, `The body may have at most ${maxBodyBytes} bytes`, { maxBodyBytes });
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBodyBytes) throw tooLarge();
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new HttpProblem(408, `The body must arrive within ${bodyTimeoutMs} ms`, { bodyTimeoutMs }, {
          connection: "close",
        }),
      );
    }, bodyTimeoutMs);
  });
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await Promise.race([readPart(reader), late]);
      if (done) break;
      length += value.length;
      if (length > maxBodyBytes) throw tooLarge();
      parts.push(value);
    }
  } catch (error) {
    reader.cancel().catch(ignoreBroken);
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return joined(parts, length);
}

/** The next part. Whatever ends the connection's stream early is the client's doing. */
async function readPart(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new HttpProblem(400, `The body broke off: ${shownMessage(cause)}`);
  }
}

function shownMessage(cause: unknown): string {
  return cause instanceof Error ? cut(cause.message) : "unknown";
}

/** A connection that is broken already cannot be cancelled; nothing is lost by it. */
function ignoreBroken(): void {}

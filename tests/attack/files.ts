/**
 * Attacks a reader of files in this process: each case is accepted, or refused by a clear error.
 * @module
 */
import type { Cases } from "./http.ts";
import { MemoryWatch } from "./memory.ts";
import { CaseRandom } from "./random.ts";
import { hasStack, MAX_MESSAGE_BYTES, type Part, type Report } from "./report.ts";

/** Writes the files of a case and reads them. */
export type Attempt = (random: CaseRandom) => Promise<void>;

const DEADLINE_MS = 5_000;

/** Runs all cases of a part, one after the other. */
export async function attackReader(
  report: Report,
  part: Part,
  { first, count, signal }: Cases,
  { attempt, isRefusal }: { attempt: Attempt; isRefusal(error: Error): boolean },
): Promise<void> {
  const memory = new MemoryWatch(Deno.pid, count);
  let index = first;
  for (; index < first + count && !signal.aborted; index++) {
    const started = performance.now();
    const error = await errorOf(attempt(new CaseRandom(report.seed, part, index)));
    const ms = performance.now() - started;
    const fault = error && faultOf(error, isRefusal);
    report.count(part, fault ? "wrong error" : error ? "refused" : "accepted", ms);
    if (fault) report.fail(part, index, fault);
    if (ms >= DEADLINE_MS) report.fail(part, index, `it took ${ms.toFixed(0)} ms`);
    await memory.caseDone(index - first + 1);
  }
  if (!signal.aborted) report.memory(part, memory.growth(), index - 1);
}

/** What an attempt ends with: undefined where it was accepted. */
async function errorOf(attempt: Promise<void>): Promise<Error | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the deadline passed")), DEADLINE_MS);
  });
  try {
    await Promise.race([attempt, late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(`not an error: ${error}`);
  } finally {
    clearTimeout(timer);
  }
}

/** What a refusal must not be. */
function faultOf(error: Error, isRefusal: (error: Error) => boolean): string | undefined {
  const { name, message } = error, length = new TextEncoder().encode(message).length;
  if (length > MAX_MESSAGE_BYTES) {
    return `a message of ${length} bytes (at most ${MAX_MESSAGE_BYTES}): ${message.slice(0, 200)}`;
  }
  if (hasStack(message)) return `a stack in the message: ${message.slice(0, 300)}`;
  return isRefusal(error) ? undefined : `no clear refusal: ${name}: ${message.slice(0, 300)}`;
}

/**
 * A stored file as the body of an answer: sent part by part, so that it is in memory for no longer than its
 * reader takes it.
 * @module
 */

/** How a file is sent. */
export interface SendOptions {
  /** Milliseconds within which its reader must take a part. */
  readTimeoutMs: number;
  /** Called once, when it was taken, or its reader has left or stalled. */
  done: () => void;
  /**
   * Bytes of a part.
   * @default 262144
   */
  partBytes?: number;
}

const PART_BYTES = 256 * 1024;

/** A stream of a file's bytes, which are let go of at its end. */
export function sendFile(
  bytes: Uint8Array,
  { readTimeoutMs, done, partBytes = PART_BYTES }: SendOptions,
): ReadableStream<Uint8Array> {
  let rest: Uint8Array | undefined = bytes, timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    clearTimeout(timer);
    if (rest) done();
    rest = undefined;
  };
  /** From now on the reader may take its time, but not too much. */
  const wait = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    timer = setTimeout(() => {
      end();
      controller.error(new DOMException("The reader took nothing", "TimeoutError"));
    }, readTimeoutMs);
  };
  return new ReadableStream<Uint8Array>({
    start: wait,
    pull(controller) {
      clearTimeout(timer);
      if (!rest || rest.length === 0) {
        end();
        return controller.close();
      }
      controller.enqueue(rest.slice(0, partBytes)); // a copy: what is sent may be given away
      rest = rest.subarray(partBytes);
      wait(controller);
    },
    cancel: end,
  }, { highWaterMark: 0 });
}

/**
 * A response body that is computed when it is read, and abandoned when the client leaves.
 * @module
 */

/**
 * A stream of the bytes that `make` returns. `make` runs at the first read, so not at all for HEAD;
 * its signal is aborted when the reader cancels. Deno's `request.signal` would say the same, but it
 * fires on every delivered response too, with a warning on standard error.
 * @param done called once or more when the body is made, has failed, or is not wanted any more
 */
export function lazyBody(
  make: (signal: AbortSignal) => Promise<Uint8Array>,
  done: () => void = () => {},
): ReadableStream {
  const reader = new AbortController();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        controller.enqueue(await make(reader.signal));
        controller.close();
      } catch (error) {
        if (!reader.signal.aborted) controller.error(error);
      } finally {
        done();
      }
    },
    cancel: () => {
      reader.abort();
      done();
    },
  }, { highWaterMark: 0 });
}

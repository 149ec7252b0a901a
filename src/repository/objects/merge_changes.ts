/**
 * Several ways of noticing changes as one.
 * @module
 */

/**
 * Yields whenever one of the sources does; what comes while nobody asks counts once.
 * @param open makes the sources, which must end at the signal that it is given
 */
export async function* mergeChanges(
  open: (ended: AbortSignal) => AsyncIterable<void>[],
  signal: AbortSignal,
): AsyncGenerator<void> {
  const ending = new AbortController(), ended = AbortSignal.any([signal, ending.signal]);
  let isChanged = false, failure: unknown, wake = () => {};
  const reads = open(ended).map(async (source) => {
    try {
      for await (const _ of source) {
        isChanged = true;
        wake();
      }
    } catch (error) { // thrown to who watches
      failure ??= error;
      ending.abort();
    }
  });
  ended.addEventListener("abort", () => wake());
  try {
    while (!ended.aborted) {
      if (isChanged) {
        isChanged = false;
        yield;
      } else {
        await new Promise<void>((resolve) => wake = resolve);
      }
    }
    if (failure !== undefined) throw failure;
  } finally {
    ending.abort();
    await Promise.all(reads);
  }
}

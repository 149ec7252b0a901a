/**
 * Something that is opened once, when it is first asked for.
 * @module
 */

/** The same promise for every call of what this returns, until it is rejected: then the next call opens anew. */
export function kept<T>(open: () => Promise<T>): () => Promise<T> {
  let opening: Promise<T> | undefined;
  return () => {
    const now = opening ??= open();
    // Whoever awaits it sees the error.
    Promise.allSettled([now]).then(([{ status }]) => {
      if (status === "rejected" && opening === now) opening = undefined;
    });
    return now;
  };
}

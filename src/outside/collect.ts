/**
 * Bytes of a stream in one array, of at most so many.
 * @module
 */

/** How much of a stream is read, and who hears of its parts. */
export interface CollectOptions {
  maxBytes: number;
  /** Called as each part comes. */
  onPart?(): void;
}

/** The bytes of a stream; undefined where there are more than `maxBytes`, and then the rest is not read. */
export async function collect(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { maxBytes, onPart }: CollectOptions,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream) {
    onPart?.();
    length += part.length;
    if (length > maxBytes) return undefined;
    parts.push(part);
  }
  return joined(parts, length);
}

/** Parts of `length` bytes in all, one after the other. */
export function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0];
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

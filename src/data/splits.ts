/**
 * Split syntax of TensorFlow Datasets: `train`, `train[:50000]`, `train[-10%:]`, `train+test`.
 * @module
 */

/** A run of examples of one split: first included, end excluded. */
export interface SplitSlice {
  split: string;
  from: number;
  to: number;
}

const SLICE = /^(\w+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?$/;

/**
 * Parses a split against the sizes of a dataset's splits.
 * @throws {RangeError} naming the part that is wrong, what is allowed and what was given.
 */
export function parseSplit(text: string, sizes: Record<string, number>): SplitSlice[] {
  return text.split("+").map((part) => parseSlice(part.trim(), sizes));
}

function parseSlice(part: string, sizes: Record<string, number>): SplitSlice {
  const match = SLICE.exec(part);
  if (!match) {
    throw new RangeError(
      `Cannot read split ${
        JSON.stringify(part)
      }: write it as "train", "train[:50000]" or "train[90%:]"`,
    );
  }
  const [, split, from, to] = match;
  if (!Object.hasOwn(sizes, split)) {
    throw new RangeError(
      `Cannot read split ${JSON.stringify(part)}: splits are ${
        Object.keys(sizes).join(", ")
      }, got ${split}`,
    );
  }
  const size = sizes[split];
  const slice = { split, from: bound(part, from, size, 0), to: bound(part, to, size, size) };
  if (slice.from >= slice.to) {
    throw new RangeError(
      `Cannot read split ${
        JSON.stringify(part)
      }: it holds no example (${slice.from} to ${slice.to})`,
    );
  }
  return slice;
}

/** An absolute index from `5`, `-5`, `10%` or nothing; percentages are rounded to the nearest. */
function bound(part: string, text: string | undefined, size: number, fallback: number): number {
  if (text === undefined) return fallback;
  const percent = text.endsWith("%");
  const value = parseInt(text, 10);
  const limit = percent ? 100 : size;
  if (Math.abs(value) > limit) {
    const unit = percent ? "%" : "";
    throw new RangeError(
      `Cannot read split ${JSON.stringify(part)}: a bound must be in ` +
        `[-${limit}${unit}, ${limit}${unit}], got ${text}`,
    );
  }
  const count = percent ? Math.round(value * size / 100) : value;
  return text.startsWith("-") ? size + count : count;
}

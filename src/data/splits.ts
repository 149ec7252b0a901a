/**
 * Split syntax of TensorFlow Datasets: `train`, `train[:50000]`, `train[-10%:]`, `train+test`; and
 * fractions, `train[:11/12]`, which cut data of any size where a percentage would not come out even.
 * @module
 */

/** A run of examples of one split: first included, end excluded. */
export interface SplitSlice {
  split: string;
  from: number;
  to: number;
}

/** Numbers of examples by name of split. */
export type SplitSizes = Readonly<Record<string, number>>;

const BOUND = String.raw`-?\d+(?:%|/\d+)?`;
const SLICE = new RegExp(String.raw`^(\w+)(?:\[(${BOUND})?:(${BOUND})?\])?$`);

/**
 * Parses a split against the sizes of a dataset's splits.
 * @throws {RangeError} naming the part that is wrong, what is allowed and what was given.
 */
export function parseSplit(text: string, sizes: SplitSizes): SplitSlice[] {
  return text.split("+").map((part) => parseSlice(part.trim(), sizes));
}

/**
 * Refuses held-out examples that are trained on too; an empty `validation` holds out none.
 * @throws {RangeError} naming both splits and how many examples they share, or as `parseSplit` does.
 */
export function checkDisjoint(
  { split, validation }: { split: string; validation: string },
  sizes: SplitSizes,
): void {
  if (validation === "") return;
  const trained = parseSplit(split, sizes);
  const heldOut = parseSplit(validation, sizes);
  const overlaps = heldOut.flatMap((a) => trained.map((b) => overlap(a, b)));
  const shared = overlaps.reduce((sum, count) => sum + count, 0);
  if (shared === 0) return;
  throw new RangeError(
    `Cannot train: validation must share no example with split ${JSON.stringify(split)}, got ` +
      `${JSON.stringify(validation)}, which shares ${shared}; hold out others, or none by ""`,
  );
}

/** Examples that two slices share. */
function overlap(a: SplitSlice, b: SplitSlice): number {
  if (a.split !== b.split) return 0;
  return Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from));
}

function parseSlice(part: string, sizes: SplitSizes): SplitSlice {
  const match = SLICE.exec(part);
  if (!match) {
    throw new RangeError(
      `Cannot read split ${JSON.stringify(part)}: write it as "train", "train[:50000]", ` +
        '"train[90%:]" or "train[:11/12]"',
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

/**
 * An absolute index from `5`, `-5`, `10%`, `1/10` or nothing. Shares are rounded to the nearest, so that
 * `[:S]` and `[S:]` always part a split.
 */
function bound(part: string, text: string | undefined, size: number, fallback: number): number {
  if (text === undefined) return fallback;
  const { value, whole, unit } = measure(text, size);
  if (whole === 0 || Math.abs(value) > whole) {
    const limit = unit === "/" ? "1" : `${whole}${unit}`;
    throw new RangeError(
      `Cannot read split ${JSON.stringify(part)}: a bound must be in [-${limit}, ${limit}], ` +
        `got ${text}`,
    );
  }
  const count = Math.round(value * size / whole);
  return text.startsWith("-") ? size + count : count;
}

/** A bound as `value` of `whole`: of the split's size, of 100 % or of the fraction's denominator. */
function measure(text: string, size: number): { value: number; whole: number; unit: string } {
  const value = parseInt(text, 10);
  if (text.endsWith("%")) return { value, whole: 100, unit: "%" };
  const [, denominator] = text.split("/");
  if (denominator !== undefined) return { value, whole: Number(denominator), unit: "/" };
  return { value, whole: size, unit: "" };
}

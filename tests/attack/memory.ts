/**
 * Whether a process's memory grows. A runtime takes memory until its collector is content, so a part's
 * memory is compared late: the third quarter of its cases with the last one.
 * @module
 */
import { residentBytes } from "../resident.ts";

/** Samples of a part, spread over its cases. */
const SAMPLES = 64;
/** Cases below which a process still warms up, so that its growth says nothing. */
const MIN_CASES = 2_000;

/** Memory in the third quarter of a part and in the last one, in bytes. */
export interface Growth {
  third: number;
  last: number;
}

/** Samples the resident memory of a process. */
export class MemoryWatch {
  readonly #samples: number[] = [];
  readonly #every: number;

  constructor(readonly pid: number, readonly count: number) {
    this.#every = Math.max(1, Math.floor(count / SAMPLES));
  }

  /** Call it after each case: it takes a sample now and then. */
  async caseDone(done: number): Promise<void> {
    if (done % this.#every !== 0) return;
    const bytes = await residentBytes(this.pid);
    if (bytes !== undefined) this.#samples.push(bytes);
  }

  /** The medians of the third and the last quarter; undefined where there were too few cases. */
  growth(): Growth | undefined {
    if (this.count < MIN_CASES) return undefined;
    const quarter = Math.floor(this.#samples.length / 4);
    if (quarter === 0) return undefined;
    return {
      third: median(this.#samples.slice(2 * quarter, 3 * quarter)),
      last: median(this.#samples.slice(3 * quarter)),
    };
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

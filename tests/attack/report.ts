/**
 * What an attack found: counts, latencies, memory, and the command that repeats each failure.
 * @module
 */
import type { Growth } from "./memory.ts";

/** The longest error message that is allowed, in bytes. */
export const MAX_MESSAGE_BYTES = 1024;
/** How much memory may grow between the third and the last quarter of a part, in bytes. */
export const MAX_GROWTH_BYTES = 24 * 2 ** 20;
/** Failures of each kind that the summary shows; the others are counted. */
const SHOWN_FAILURES = 3;

/** A line of a stack, whoever wrote it. */
const stackLine = /(?:^|\n|\\n)\s+at .{0,300}:\d+:\d+/;

/** A part of the attack. */
export type Part = "http" | "pictures" | "models" | "checkpoints" | "versions";

/** A case that went wrong. */
export interface Failure {
  part: Part;
  index: number;
  reason: string;
}

/** Whether a text has a stack in it. */
export function hasStack(text: string): boolean {
  return stackLine.test(text);
}

/** The findings of all parts. */
export class Report {
  readonly failures: Failure[] = [];
  readonly #counts = new Map<string, number>();
  readonly #latencies = new Map<Part, number[]>();
  readonly #memory: string[] = [];

  constructor(readonly seed: number) {}

  /** Counts a case by what came of it. */
  count(part: Part, outcome: string, ms: number): void {
    const key = `${part} ${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    if (!this.#latencies.has(part)) this.#latencies.set(part, []);
    this.#latencies.get(part)!.push(ms);
  }

  /** Notes a failure. */
  fail(part: Part, index: number, reason: string): void {
    this.failures.push({ part, index, reason });
  }

  /** Notes the memory of a process, and a failure where it grew by more than the bound. */
  memory(part: Part, growth: Growth | undefined, lastCase: number): void {
    if (!growth) return void this.#memory.push(`${part}: too few cases to tell`);
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    const line = `${mib(growth.third)} in the third quarter, ${mib(growth.last)} in the last`;
    this.#memory.push(`${part}: ${line} (at most ${mib(MAX_GROWTH_BYTES)} more)`);
    if (growth.last - growth.third > MAX_GROWTH_BYTES) {
      this.fail(part, lastCase, `memory grew: ${line}`);
    }
  }

  /** How many cases had this outcome. */
  countOf(part: Part, outcome: string): number {
    return this.#counts.get(`${part} ${outcome}`) ?? 0;
  }

  /** The summary that the command prints. */
  summary(): string {
    const latencies = [...this.#latencies].map(([part, all]) => {
      const sorted = all.toSorted((a, b) => a - b);
      const at = (q: number) => sorted[Math.floor(q * (sorted.length - 1))].toFixed(1);
      return `${part}: ${all.length} cases, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
    });
    const counts = [...this.#counts].sort().map(([key, count]) => `  ${key}: ${count}`);
    const kinds = [...Map.groupBy(this.failures, kindOf).values()];
    const shown = kinds.flatMap((failures) => [
      ...failures.slice(0, SHOWN_FAILURES).map(({ part, index, reason }) =>
        `  ${reason}\n    deno task attack --only ${part} --seed ${this.seed} --case ${index}`
      ),
      ...(failures.length > SHOWN_FAILURES
        ? [`  and ${failures.length - SHOWN_FAILURES} more of this kind`]
        : []),
    ]);
    return [
      `seed ${this.seed}`,
      ...latencies,
      ...this.#memory.map((line) => `memory, ${line}`),
      ...counts,
      `${this.failures.length} failures of ${kinds.length} kinds`,
      ...shown,
    ].join("\n");
  }
}

/** What failures of one kind have in common: part and reason, without numbers, names and values. */
function kindOf({ part, reason }: Failure): string {
  const words = reason.replace(/"[^"]*"|\d+|case-\S+/g, "…").replace(/, got .*/s, "");
  return `${part} ${words.slice(0, 90)}`;
}

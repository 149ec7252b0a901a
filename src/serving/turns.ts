/**
 * Long tasks that share one thread: each runs a piece of a few milliseconds, then lets the next one go on.
 * Short and long tasks alternate, so that a short one waits for one piece at most, and many short ones do
 * not keep the long ones from going on.
 * @module
 */

/** How soon a task goes on. */
export type Priority = "short" | "long";

/** Tasks that take turns. Exactly one of them runs at a time, between two calls of `step`. */
export class Turns {
  readonly #ready: Record<Priority, (() => void)[]> = { short: [], long: [] };
  /** Called when the task that runs gives up its turn, or ends. */
  #yielded: (() => void) | undefined;
  #tasks = 0;
  #last: Priority = "long";

  /** Tasks that have not ended. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Whether a task could go on now. */
  get isReady(): boolean {
    return this.#ready.short.length > 0 || this.#ready.long.length > 0;
  }

  /** Adds a task; it begins at one of the next steps. */
  start(priority: Priority, task: () => Promise<void>): void {
    this.#tasks++;
    this.#ready[priority].push(() => {
      task().finally(() => {
        this.#tasks--;
        this.#yielded?.();
      });
    });
  }

  /** Awaited by a task between two pieces of work. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#ready.long.push(resolve);
      this.#yielded?.();
    });
  }

  /** Awaited by a task that needs something from outside; others go on until it is there. */
  async waitFor<T>(outside: Promise<T>): Promise<T> {
    this.#yielded?.();
    try {
      return await outside;
    } finally {
      await new Promise<void>((resolve) => this.#ready.short.push(resolve));
    }
  }

  /** Runs one task until it pauses, waits or ends. @returns false if none is ready */
  async step(): Promise<boolean> {
    const { short, long } = this.#ready;
    const first = this.#last === "short" && long.length > 0 ? "long" : "short";
    this.#last = first === "short" && short.length > 0 ? "short" : "long";
    const go = this.#ready[this.#last].shift();
    if (!go) return false;
    await new Promise<void>((resolve) => {
      this.#yielded = resolve;
      go();
    });
    this.#yielded = undefined;
    return true;
  }
}

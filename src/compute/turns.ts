/**
 * Long tasks that share one thread: each runs a piece of a few milliseconds, then lets the next one go on.
 * Short and long tasks alternate, so that a short one waits for one piece at most, and many short ones do
 * not keep the long ones from going on. When time is short, the long ones end one after the other.
 * @module
 */

/** How soon a task goes on. */
export type Priority = "short" | "long";

/** A task that could go on. */
interface Ready {
  /** How many tasks had begun before it. */
  order: number;
  go: () => void;
}

/** Tasks that take turns. Exactly one of them runs at a time, between two calls of `step`. */
export class Turns {
  readonly #ready: Record<Priority, Ready[]> = { short: [], long: [] };
  /** Called when the task that runs gives up its turn, or ends. */
  #yielded: (() => void) | undefined;
  #tasks = 0;
  #started = 0;
  /** The `order` of the task that runs. */
  #current = 0;
  #isDraining = false;
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
    const go = () => {
      task().finally(() => {
        this.#tasks--;
        this.#yielded?.();
      });
    };
    this.#ready[priority].push({ order: this.#started++, go });
  }

  /** From now on long tasks end in the order in which they began, so that many have ended soon. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Awaited by a task between two pieces of work. */
  pause(): Promise<void> {
    return new Promise((go) => {
      this.#ready.long.push({ order: this.#current, go });
      this.#yielded?.();
    });
  }

  /** Awaited by a task that needs something from outside; others go on until it is there. */
  async waitFor<T>(outside: Promise<T>): Promise<T> {
    const order = this.#current;
    this.#yielded?.();
    try {
      return await outside;
    } finally {
      await new Promise<void>((go) => this.#ready.short.push({ order, go }));
    }
  }

  /** Runs one task until it pauses, waits or ends. @returns false if none is ready */
  async step(): Promise<boolean> {
    const { short, long } = this.#ready;
    const first = this.#last === "short" && long.length > 0 ? "long" : "short";
    this.#last = first === "short" && short.length > 0 ? "short" : "long";
    const next = this.#last === "long" && this.#isDraining
      ? takeFirst(long)
      : this.#ready[this.#last].shift();
    if (!next) return false;
    this.#current = next.order;
    await new Promise<void>((resolve) => {
      this.#yielded = resolve;
      next.go();
    });
    this.#yielded = undefined;
    return true;
  }
}

/** Takes the task that began before all others. */
function takeFirst(ready: Ready[]): Ready | undefined {
  let first = 0;
  for (let i = 1; i < ready.length; i++) if (ready[i].order < ready[first].order) first = i;
  return ready.splice(first, 1)[0];
}

/** A proxy on loopback that breaks connections in the middle. */

/** What a {@linkcode BreakingProxy} does with a connection. */
export interface Breaks {
  /** Bytes of the client after which a connection is cut, both ways; never if undefined. */
  afterBytes(): number | undefined;
  /** Bytes of the server after which it is cut. @default never */
  afterAnswerBytes?(): number | undefined;
}

/** Hands bytes on between clients and one port until a connection is to break. */
export class BreakingProxy {
  /** Connections that were cut. */
  broken = 0;
  /** Bytes of clients that were handed on. */
  handedOn = 0;
  readonly #listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  readonly #target: number;
  readonly #breaks: Breaks;
  readonly #running = new Set<Promise<void>>();
  readonly #open = new Set<Deno.Conn>();

  constructor(target: number, breaks: Breaks) {
    this.#target = target;
    this.#breaks = breaks;
    this.#keep(this.#accept());
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await Promise.all(this.#running);
  }

  #keep(work: Promise<void>): void {
    const kept: Promise<void> = work.finally(() => this.#running.delete(kept));
    this.#running.add(kept);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ port: this.#target });
      this.#open.add(client).add(server);
      const end = () => {
        for (const connection of [client, server]) {
          close(connection);
          this.#open.delete(connection);
        }
      };
      const { afterBytes, afterAnswerBytes = () => undefined } = this.#breaks;
      this.#keep(this.#copy(client, server, afterBytes(), end));
      this.#keep(this.#copy(server, client, afterAnswerBytes(), end));
    }
  }

  async #copy(
    from: Deno.Conn,
    to: Deno.Conn,
    limit: number = Infinity,
    end: () => void,
  ): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    let left = limit;
    const isClients = (to.remoteAddr as Deno.NetAddr).port === this.#target;
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        const part = buffer.subarray(0, Math.min(count, left));
        for (let at = 0; at < part.length;) at += await to.write(part.subarray(at));
        left -= part.length;
        if (isClients) this.handedOn += part.length;
        if (left > 0) continue;
        this.broken++;
        break;
      }
    } catch (error) {
      const isClosed = error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.ConnectionReset;
      if (!isClosed) throw error;
    } finally {
      end();
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // it is closed
  }
}

/** Numbers in [0, 1), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

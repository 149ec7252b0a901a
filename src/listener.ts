/**
 * A listening server that outlives a lack of file descriptors. Deno stops accepting at the first error of
 * accepting; this then closes connections that are idle, which gives their descriptors back, and listens
 * again. What is being answered goes on.
 * @module
 */

/** How a {@linkcode Listener} gets a server, and who hears of a fault. */
export interface ListenerOptions {
  /** Listens at a port, 0 for any. @throws {Error} if it cannot */
  serve(port: number): Deno.HttpServer<Deno.NetAddr>;
  /** Hears why connections are refused for a while. */
  onFault(error: unknown): void;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1000;

/** One port, and the server that listens at it now. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #closing = new Set<Promise<void>>();
  #current: Deno.HttpServer<Deno.NetAddr>;
  #stopped = false;

  /** @throws {Error} if the port cannot be listened at */
  constructor(port: number, options: ListenerOptions) {
    this.#options = options;
    this.#current = this.#open(port);
  }

  /** Stops listening; resolves when what is being answered has been. */
  async shutdown(): Promise<void> {
    this.#stopped = true;
    this.#close(this.#current);
    await Promise.all(this.#closing);
  }

  #open(port: number): Deno.HttpServer<Deno.NetAddr> {
    const server = this.#options.serve(port);
    server.finished.catch((error) => {
      if (this.#stopped) return;
      this.#options.onFault(error);
      this.#close(server);
      this.#openAgain(server.addr.port, FIRST_RETRY_MS);
    });
    return server;
  }

  #openAgain(port: number, retryMs: number): void {
    setTimeout(() => {
      if (this.#stopped) return;
      try {
        this.#current = this.#open(port);
      } catch (error) { // whatever it is, a server that gave up would never answer again
        this.#options.onFault(error);
        this.#openAgain(port, Math.min(2 * retryMs, LONGEST_RETRY_MS));
      }
    }, retryMs);
  }

  /** Idle connections are closed at once, others with their answer. */
  #close(server: Deno.HttpServer): void {
    const closed: Promise<void> = server.shutdown().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

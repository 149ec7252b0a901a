/**
 * HTTP/1.1 over a bare socket: sends any bytes, reads an answer with whatever framing it has.
 * @module
 */

/** A request as it is sent. */
export interface RawRequest {
  bytes: Uint8Array;
  /** Whether its framing is whole: the server must answer, and the connection can go on. */
  whole: boolean;
  isHead: boolean;
  /** How long the client leaves it open and says nothing more, in ms; else it ends its side soon. */
  openMs?: number;
  /** Answers that it must get at least, where it is several requests. */
  minAnswers?: number;
  /** Whether two readers may see other bounds of it, so that it must not be accepted. */
  isAmbiguous?: boolean;
}

/** An answer. */
export interface Answer {
  status: number;
  body: string;
  /** Whether the connection can carry another request. */
  reusable: boolean;
}

/** The deadline passed without answer or end. */
export class Hang extends Error {
  override name = "Hang";
}

/** Of an answer only so much is read; then the client leaves. */
const MAX_READ_BYTES = 262_144;
/** Answers that are read of one connection at most, where it is not known how many come. */
const MAX_ANSWERS = 16;
/** How long a request that may not be whole stays open for its end, in ms. */
const PATIENCE_MS = 50;

/** A connection that is opened when it is needed and kept while it can be. */
export class Wire {
  #connection: Deno.TcpConn | undefined;

  /** @param signal closes the connection and opens no other */
  constructor(readonly port: number, readonly deadlineMs: number, readonly signal: AbortSignal) {
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  /** Sends a request and reads its answers, none where the connection ends first. @throws {Hang} after the deadline. */
  async send(request: RawRequest): Promise<Answer[]> {
    if (!request.whole) this.close();
    if (this.signal.aborted) return [];
    const isFresh = this.#connection === undefined,
      wanted = request.whole ? 1 : request.minAnswers ?? MAX_ANSWERS;
    const connection = this.#connection ??= await connectTo(this.port);
    let late = false;
    const timers = [setTimeout(() => {
      late = true;
      this.close();
    }, this.deadlineMs)];
    if (request.openMs) timers.push(setTimeout(() => this.close(), request.openMs));
    else if (!request.whole && !request.minAnswers) {
      timers.push(setTimeout(() => endSending(connection), PATIENCE_MS));
    }
    const answers: Answer[] = [], reader = new AnswerReader(connection);
    try {
      await writeAll(connection, request.bytes);
      while (answers.length < wanted && answers.at(-1)?.reusable !== false) {
        const answer = await reader.next(request.isHead);
        if (!answer) break;
        answers.push(answer);
      }
    } catch (error) {
      if (!isClosed(error)) throw error;
    } finally {
      timers.forEach(clearTimeout);
    }
    if (late) throw new Hang(`no answer and no end within ${this.deadlineMs} ms`);
    if (!request.whole || !answers[0]?.reusable) this.close();
    // A kept connection may have been closed by the answer before: that says nothing of this request.
    if (answers.length === 0 && !isFresh && request.whole) return await this.send(request);
    return answers;
  }

  /** Ends the connection, if there is one. */
  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    try {
      connection?.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** Connects; waits while this machine has no free port for it. */
async function connectTo(port: number): Promise<Deno.TcpConn> {
  for (;;) {
    try {
      return await Deno.connect({ port, hostname: "127.0.0.1" });
    } catch (error) {
      const isBusy = error instanceof Deno.errors.AddrNotAvailable ||
        error instanceof Deno.errors.AddrInUse;
      if (!isBusy) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionAborted;
}

/** Says that nothing more will come, as a client that breaks off. */
function endSending(connection: Deno.TcpConn): void {
  connection.closeWrite().catch((error) => {
    if (!isClosed(error)) throw error;
  });
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Reads one answer after the other from a connection. */
class AnswerReader {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(65_536);
  readonly #decoder = new TextDecoder("latin1");
  /** What was read of answers that were not returned yet, a character a byte. */
  #text = "";

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** The next answer, or undefined where the connection ends first. */
  async next(isHead: boolean): Promise<Answer | undefined> {
    for (;;) {
      while (!this.#text.includes("\r\n\r\n")) if (!await this.#readMore()) return undefined;
      if (!this.#text.startsWith("HTTP/1.1 100")) break;
      this.#text = this.#text.slice(this.#text.indexOf("\r\n\r\n") + 4);
    }
    const start = this.#text.indexOf("\r\n\r\n") + 4;
    const head = this.#text.slice(0, start).toLowerCase();
    const status = Number(/^http\/1\.\d (\d+)/.exec(head)?.[1]);
    const keeps = !/\r\nconnection: close/.test(head);
    const length = isHead || status === 204 || status === 304
      ? 0
      : Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? Infinity);
    const isChunked = length === Infinity && /\r\ntransfer-encoding: chunked/.test(head);
    const endOfBody = () => isChunked ? endOfChunks(this.#text, start) : start + length;
    let isOpen = true;
    while (isOpen && this.#text.length < Math.min(endOfBody(), start + MAX_READ_BYTES)) {
      isOpen = await this.#readMore();
    }
    const end = endOfBody(),
      isWhole = this.#text.length >= end,
      body = this.#text.slice(start, end);
    this.#text = this.#text.slice(end);
    return { status, body, reusable: keeps && isWhole };
  }

  async #readMore(): Promise<boolean> {
    const count = await this.#connection.read(this.#buffer);
    if (count !== null) this.#text += this.#decoder.decode(this.#buffer.subarray(0, count));
    return count !== null;
  }
}

/** Where a chunked body that begins at `at` ends; infinity where its end has not come yet. */
function endOfChunks(text: string, at: number): number {
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return Infinity;
    const size = parseInt(text.slice(at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (size === 0 || Number.isNaN(size)) return at;
  }
}

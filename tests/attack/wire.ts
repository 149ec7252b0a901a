/**
 * HTTP/1.1 over a bare socket: sends any bytes, reads an answer with whatever framing it has.
 * @module
 */
import type { RawRequest } from "./requests.ts";

/** An answer, or how the connection ended. */
export interface Answer {
  /** Undefined where the server closed the connection without one. */
  status: number | undefined;
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
/** How long a request that may not be whole stays open for its end, in ms. */
const PATIENCE_MS = 50;

/** A connection that is opened when it is needed and kept while it can be. */
export class Wire {
  #connection: Deno.TcpConn | undefined;

  constructor(readonly port: number, readonly deadlineMs: number) {}

  /** Sends a request and reads its answer. @throws {Hang} after the deadline. */
  async send(request: RawRequest): Promise<Answer> {
    if (!request.whole) this.close();
    const isFresh = this.#connection === undefined;
    const connection = this.#connection ??= await Deno.connect({
      port: this.port,
      hostname: "127.0.0.1",
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, this.deadlineMs);
    const ending = request.whole
      ? undefined
      : setTimeout(() => endSending(connection), PATIENCE_MS);
    let answer: Answer | undefined;
    try {
      await writeAll(connection, request.bytes);
      answer = await readAnswer(connection, request.isHead);
    } catch (error) {
      if (!isClosed(error)) throw error;
    } finally {
      clearTimeout(timer);
      clearTimeout(ending);
    }
    if (late) throw new Hang(`no answer and no end within ${this.deadlineMs} ms`);
    if (!answer?.reusable || !request.whole) this.close();
    if (answer) return answer;
    // A kept connection may have been closed by the answer before: that says nothing of this request.
    if (!isFresh && request.whole) return await this.send(request);
    return { status: undefined, body: "", reusable: false };
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

/** The answer, or undefined where the connection ends first. */
async function readAnswer(connection: Deno.TcpConn, isHead: boolean): Promise<Answer | undefined> {
  const buffer = new Uint8Array(65_536), decoder = new TextDecoder("latin1");
  let text = "";
  const readMore = async () => {
    const count = await connection.read(buffer);
    if (count !== null) text += decoder.decode(buffer.subarray(0, count));
    return count !== null;
  };
  for (;;) {
    while (!text.includes("\r\n\r\n")) if (!await readMore()) return undefined;
    if (!text.startsWith("HTTP/1.1 100")) break;
    text = text.slice(text.indexOf("\r\n\r\n") + 4);
  }
  const end = text.indexOf("\r\n\r\n") + 4, head = text.slice(0, end).toLowerCase();
  const status = Number(/^http\/1\.\d (\d+)/.exec(head)?.[1]);
  const keeps = !/\r\nconnection: close/.test(head);
  if (isHead || status === 204 || status === 304) return { status, body: "", reusable: keeps };
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  const isChunked = /\r\ntransfer-encoding: chunked/.test(head);
  const isWhole = () => {
    if (isChunked) return text.endsWith("\r\n0\r\n\r\n") || text.slice(end) === "0\r\n\r\n";
    return length !== undefined && text.length >= end + Number(length);
  };
  let isOpen = true;
  while (isOpen && !isWhole() && text.length < MAX_READ_BYTES) isOpen = await readMore();
  return { status, body: text.slice(end), reusable: keeps && isOpen && isWhole() };
}

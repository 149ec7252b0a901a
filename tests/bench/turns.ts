/**
 * Processes that measure by turns: each waits for a line on its standard input, measures once, and
 * answers with a line of JSON. So what is compared runs within seconds of each other, on a machine whose
 * speed changes within a minute.
 * @module
 */

/** A process that answers a line with a line. */
export class Measurer {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #name: string;
  #text = "";

  constructor(command: string, args: string[], cwd: string) {
    this.#name = args.find((arg) => /\.(ts|py)$/.test(arg)) ?? command;
    this.#child = new Deno.Command(command, {
      args,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Its answer to a request. @throws {Error} if it ends without one. */
  async ask<T>(...request: unknown[]): Promise<T> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`Cannot measure: ${this.#name} ended without an answer`);
      this.#text += value;
    }
    const end = this.#text.indexOf("\n"), line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return JSON.parse(line);
  }

  /** Ends the process. */
  async end(): Promise<void> {
    await this.#writer.close();
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** The other side: calls `answer` with each request until there are no more. */
export async function answerRequests(answer: (...request: string[]) => Promise<unknown>) {
  let text = "";
  for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      console.log(JSON.stringify(await answer(...JSON.parse(line))));
    }
  }
}

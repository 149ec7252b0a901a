/**
 * Requests whose framing is odd: where a head or a body ends is said twice, wrongly or never; several
 * requests come at once; heads are huge or no text; what comes is not HTTP.
 * RFC 9112, "HTTP/1.1", sections 2.2, 6 and 9.3.
 * @module
 */
import { join } from "./mutate.ts";
import type { CaseRandom } from "./random.ts";
import type { RawRequest } from "./wire.ts";

const encoder = new TextEncoder();
const JSON_BODY = JSON.stringify({ pixels: Array.from({ length: 784 }, (_, i) => (i * 37) % 256) });

/** The longest that a half request stays open, in ms. */
const MAX_OPEN_MS = 1_000;

type Framing = (random: CaseRandom, id: string) => Omit<RawRequest, "whole" | "isHead">;

const framings: readonly Framing[] = [
  function contradictoryLengths(random, id) {
    const length = JSON_BODY.length, other = random.pick([0, 1, length - 1, length + 1, 2 ** 53]);
    const lengths = [`Content-Length: ${length}`, `Content-Length: ${other}`];
    return { bytes: post(id, random.chance(0.5) ? lengths : lengths.reverse()), isAmbiguous: true };
  },
  function equalLengths(_random, id) {
    const length = `Content-Length: ${JSON_BODY.length}`;
    return { bytes: post(id, [length, length]) };
  },
  function listOfLengths(random, id) {
    const length = JSON_BODY.length, other = random.pick([length, length + 1, 0]);
    return { bytes: post(id, [`Content-Length: ${length}, ${other}`]) };
  },
  function lengthAndChunks(random, id) {
    const lines = ["Transfer-Encoding: chunked", `Content-Length: ${random.pick([0, 5, 9999])}`];
    return { bytes: post(id, random.chance(0.5) ? lines : lines.reverse(), chunks(JSON_BODY)) };
  },
  function oddTransferEncoding(random, id) {
    const coding = random.pick([
      ...["chunked, chunked", "chunked, gzip", "gzip", "xchunked", "chunked;q=1", "\tchunked", ""],
      ...["chunked\r\nTransfer-Encoding: identity", "identity", "CHUNKED", "chunked,"],
    ]);
    return { bytes: post(id, [`Transfer-Encoding: ${coding}`], chunks(JSON_BODY)) };
  },
  function oddLength(random, id) {
    const length = random.pick([
      ...["-1", "+5", "1e3", "0x10", "5 5", "", " ", "2147483648", "4294967297", "1.5", "٣", "\0"],
      ...["9223372036854775808", "18446744073709551616", "9".repeat(400), "NaN", "00000000000005"],
    ]);
    return { bytes: post(id, [`Content-Length: ${length}`]) };
  },
  function lyingChunks(random, id) {
    const size = random.pick([
      ...["1", "ffff", "7fffffff", "ffffffffffffffff", "10000000000000000", "-5", "0x5", "5 ", "g"],
      ...["", "5;ext", `5;${"e".repeat(20_000)}`, "0".repeat(500) + "5", "00"],
    ]);
    const body = `${size}\r\n${JSON_BODY}\r\n${random.pick(["0\r\n\r\n", "0\r\n", "", "x"])}`;
    return { bytes: post(id, ["Transfer-Encoding: chunked"], body) };
  },
  function oddTrailers(random, id) {
    const trailer = random.pick(["X: y", "Content-Length: 5", "x".repeat(100_000), "\0", ": :"]);
    const body = `${JSON_BODY.length.toString(16)}\r\n${JSON_BODY}\r\n0\r\n${trailer}\r\n\r\n`;
    return { bytes: post(id, ["Transfer-Encoding: chunked"], body) };
  },
  function pipelined(random, id) {
    const valid = Array.from({ length: 1 + random.below(8) }, () => validText(random, id));
    if (random.chance(0.5)) {
      return { bytes: encoder.encode(valid.join("")), minAnswers: valid.length };
    }
    // The runtime resets a connection after what is no HTTP, and answers on their way may be lost.
    const invalid = random.pick(["GET", "\0\0\0", "POST / x\r\n\r\n"]);
    return { bytes: encoder.encode(valid.join("") + invalid) };
  },
  function pipelinedAfterInvalid(random, id) {
    const invalid = `GET /generate?n=-1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n\r\n`;
    const all = [invalid, validText(random, id), invalid, validText(random, id)];
    return { bytes: encoder.encode(all.join("")), minAnswers: all.length };
  },
  function tls(random) {
    const hello = [0x16, 0x03, random.below(5), 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    return { bytes: join(Uint8Array.from(hello), random.bytes(random.below(600))) };
  },
  function notHttp(random) {
    const preface = random.pick([
      ...[
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "SSH-2.0-x\r\n",
        "GET /model\r\n\r\n",
        "\r\n\r\n\r\n",
      ],
      ...[
        "GET /model HTTP/0.9\r\n\r\n",
        "GET /model HTTP/1.0\r\n\r\n",
        "GET /model HTTP/3.0\r\n\r\n",
      ],
    ]);
    return { bytes: join(encoder.encode(preface), random.bytes(random.below(100))) };
  },
  function hugeHead(random, id) {
    return random.pick([
      () => get(id, "/model", Array.from({ length: 20_000 }, (_, i) => `X-${i}: ${i}`)),
      () => get(id, "/model", Array.from({ length: 99 }, (_, i) => `X-${i}: ${"v".repeat(2000)}`)),
      () => get(id, "/model", [`X-Long: ${"x".repeat(2 ** 20)}`]),
      () => get(id, "/model", [`${"N".repeat(2 ** 16)}: x`]),
      () => get(id, `/${"p".repeat(65_500)}`, []),
      () => get(id, `/classify?${"q=1&".repeat(16_000)}`, []),
      () => get(id, `/generate?n=${"1".repeat(65_000)}`, []),
    ])();
  },
  function controls(random, id) {
    const odd = String.fromCharCode(random.pick([0, 1, 7, 8, 11, 12, 13, 10, 27, 127, 133, 160]));
    return random.pick([
      () => get(id, `/mo${odd}del`, []),
      () => get(id, "/model", [`X-Odd: a${odd}b`]),
      () => get(id, "/model", [`X${odd}: a`]),
      () => get(`${odd}${id}`, "/model", []),
      () => get(id, "/model", [`${odd}folded`]),
      () => ({ bytes: encoder.encode(`${odd}GET /model HTTP/1.1\r\nHost: x\r\n\r\n`) }),
    ])();
  },
  function halfOpen(random, id) {
    const whole = post(id, [`Content-Length: ${JSON_BODY.length}`]);
    const bytes = whole.slice(0, random.below(whole.length));
    return { bytes, openMs: 1 + random.below(MAX_OPEN_MS) };
  },
];

/** A request with odd framing. */
export function oddFraming(random: CaseRandom, index: number): RawRequest {
  const request = random.pick(framings)(random, `case-${index}`);
  return { ...request, whole: false, isHead: false };
}

function headOf(id: string, line: string, lines: readonly string[]): string {
  return [line, "Host: localhost", `X-Request-Id: ${id}`, ...lines].join("\r\n") + "\r\n\r\n";
}

function get(id: string, path: string, lines: readonly string[]): { bytes: Uint8Array } {
  return { bytes: encoder.encode(headOf(id, `GET ${path} HTTP/1.1`, lines)) };
}

function post(id: string, lines: readonly string[], body = JSON_BODY): Uint8Array {
  const all = ["Content-Type: application/json", ...lines];
  return encoder.encode(headOf(id, "POST /classify HTTP/1.1", all) + body);
}

function chunks(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

/** A request that must be answered with 200. */
export function validRequest(random: CaseRandom, index: number): RawRequest {
  const bytes = encoder.encode(validText(random, `case-${index}`));
  return { bytes, whole: true, isHead: false };
}

function validText(random: CaseRandom, id: string): string {
  if (random.chance(0.5)) {
    return headOf(id, `GET ${random.pick(["/model", "/health/live"])} HTTP/1.1`, []);
  }
  const lines = ["Content-Type: application/json", `Content-Length: ${JSON_BODY.length}`];
  return headOf(id, "POST /classify HTTP/1.1", lines) + JSON_BODY;
}

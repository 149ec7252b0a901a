/**
 * Requests by a grammar: every part of one may be odd. Some are mutated as bytes, or half-sent.
 * @module
 */
import { oddFraming } from "./framing.ts";
import { join, mutated, oddDocument, oddJson } from "./mutate.ts";
import type { CaseRandom } from "./random.ts";
import type { RawRequest } from "./wire.ts";

const encoder = new TextEncoder();
const pixels = Array.from({ length: 784 }, (_, i) => (i * 37) % 256);
const paths = ["/classify", "/generate", "/model", "/health/live", "/health/ready", "/"];
const oddPaths = [
  ...["//", "/..%2f..%2fetc", "/%00", "/%ff%fe", "/\u0085", "/classify/", "/generate/1", "*"],
  ...["/Model", "/model;a=b", "http://x/model", "/%E2%80%AE", "/?", "/health", "/%", "x"],
];
const methods = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO", "get"];
const parameters = [
  ...["label", "n", "steps", "seed", "burnIn", "thin", "temperature", "start", "scale", "format"],
  ...["divisor", "__proto__", "constructor", ""],
];
const oddValues = [
  ...["", "0", "-1", "1e9", "1.5", "NaN", "Infinity", "%00", "%ff", "%", "9007199254740993", "+1"],
  ...["0x10", "1,2", "null", "[]", "noise", "label", "json", "sse", "png", "%E2%80%AE", "١"],
];
const types = ["application/json", "application/octet-stream", "image/png"];
const oddHeaders = [
  ...["Accept: */*;q=x", "Accept: text/event-stream", "Accept: " + "a/b,".repeat(200)],
  ...["If-None-Match: *", 'If-None-Match: "', "Range: bytes=0-1", "Expect: 200-maybe"],
  ...[
    "Content-Encoding: gzip",
    "X-Request-Id: \u0080",
    "Origin: null",
    "Cookie: " + "c".repeat(4000),
  ],
  ...["X-Forwarded-For: 1.2.3.4", "Upgrade: websocket", "Host: x:y", "Accept-Language: \t"],
  ...[
    "Access-Control-Request-Method: POST",
    "Content-Type: ;;",
    "Content-Type: image/png; a=\u00ff",
  ],
];

/** The request of a case. */
export function requestOf(random: CaseRandom, index: number): RawRequest {
  if (random.chance(0.1)) return oddFraming(random, index);
  const request = grammatical(random, index);
  if (random.chance(0.75)) return request;
  const { bytes, isHead } = request;
  const broken = random.chance(0.5)
    ? mutated(bytes, random)
    : bytes.slice(0, random.below(bytes.length));
  return { bytes: broken, whole: false, isHead };
}

function grammatical(random: CaseRandom, index: number): RawRequest {
  const posts = random.chance(0.5);
  const path = posts ? "/classify" : random.pick(random.chance(0.8) ? paths : oddPaths);
  const method = random.chance(0.9) ? (posts ? "POST" : "GET") : random.pick(methods);
  const type = random.pick(types);
  const body = posts ? bodyOf(type, random) : new Uint8Array();
  const lines = [
    `${method} ${path}${queryOf(path, random)} HTTP/1.1`,
    `Host: localhost`,
    `X-Request-Id: case-${index}`,
  ];
  if (posts) lines.push(`Content-Type: ${random.chance(0.95) ? type : random.pick(types)}`);
  if (random.chance(0.2)) lines.push(random.pick(oddHeaders));
  if (posts && random.chance(0.1)) return chunked(lines, body, random);
  if (body.length > 0 || posts) lines.push(`Content-Length: ${body.length}`);
  const head = encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
  // A head may be refused by the runtime before the service sees it, and the connection closed.
  return { bytes: join(head, body), whole: true, isHead: method === "HEAD" };
}

function queryOf(path: string, random: CaseRandom): string {
  if (random.chance(path === "/generate" ? 0.05 : 0.8)) return "";
  const pairs = Array.from({ length: 1 + random.below(4) }, () => {
    const name = random.pick(parameters);
    return `${name}=${random.chance(0.5) ? random.pick(oddValues) : 1 + random.below(20)}`;
  });
  if (random.chance(0.02)) pairs.push("a".repeat(random.below(60_000)));
  return `?${pairs.join("&")}`;
}

function bodyOf(type: string, random: CaseRandom): Uint8Array {
  if (type === "application/octet-stream") {
    return random.bytes(random.pick([0, 1, 783, 784, 785, 1568, random.below(3000)]));
  }
  if (type === "image/png") {
    const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
    return join(Uint8Array.from(signature), random.bytes(random.below(200)));
  }
  if (random.chance(0.3)) return encoder.encode(oddJson(random));
  const many = random.chance(0.2) ? new Array(1 + random.below(102)).fill(pixels) : pixels;
  return oddDocument({ pixels: many, divisor: random.pick([255, 1, 16, 300]) }, random);
}

/** A chunked body, in half of the cases broken. */
function chunked(lines: string[], body: Uint8Array, random: CaseRandom): RawRequest {
  const head = encoder.encode(`${[...lines, "Transfer-Encoding: chunked"].join("\r\n")}\r\n\r\n`);
  const whole = random.chance(0.5);
  const size = whole
    ? body.length.toString(16)
    : random.pick(["xyz", "-1", "fffffffffffffffff", "1"]);
  const chunk = body.length > 0
    ? join(encoder.encode(`${size}\r\n`), body, encoder.encode("\r\n"))
    : body;
  return {
    bytes: join(head, chunk, encoder.encode("0\r\n\r\n")),
    whole,
    isHead: lines[0].startsWith("HEAD"),
  };
}

/** `POST /classify` of a picture. */
export function pictureRequest(png: Uint8Array, index: number): RawRequest {
  const head = [
    ...["POST /classify HTTP/1.1", "Host: localhost", `X-Request-Id: case-${index}`],
    ...["Content-Type: image/png", `Content-Length: ${png.length}`],
  ];
  const bytes = join(encoder.encode(`${head.join("\r\n")}\r\n\r\n`), png);
  return { bytes, whole: true, isHead: false };
}

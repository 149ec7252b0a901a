/** A real server that gets many large bodies at once: health answers, memory is bounded, nothing is lost. */
import { assert } from "@std/assert";
import { encode } from "fast-png";
import { residentBytes } from "../resident.ts";
import { delay, startServer } from "./running_server.ts";

const side = 2048;

/** A drawn bar of 2048 × 2048 pixels, 1 bit each: few bytes, many pixels. */
function thinPicture(): Uint8Array {
  const row = side / 8, data = new Uint8Array(row * side).fill(255);
  for (let y = 400; y < 1600; y++) data.fill(0, y * row + 120, y * row + 140);
  return encode({ width: side, height: side, channels: 1, depth: 1, data });
}

/** 90 images as text. */
function longJson(): Uint8Array {
  const pixels = Array.from({ length: 784 }, (_, i) => (i * 37) % 256);
  return new TextEncoder().encode(JSON.stringify({ pixels: new Array(90).fill(pixels) }));
}

/** As many pixels as the bound allows, 4 bytes each, in one line. */
function tallPicture(): Uint8Array {
  const data = new Uint8Array(4 * side * side);
  return encode({ width: 1, height: side * side, channels: 4, depth: 8, data });
}

/** What a request may be answered: 503 where it waited too long for a place. */
type Flood = [what: string, type: string, body: Uint8Array, count: number, statuses: number[]];

const floods: Flood[] = [
  ["bodies of 250 KB", "application/json", longJson(), 200, [200, 503]],
  ["pictures of few bytes and many pixels", "image/png", thinPicture(), 20, [200, 503]],
  ["pictures of one column", "image/png", tallPicture(), 20, [422]],
];

for (const [what, type, body, count, statuses] of floods) {
  Deno.test(`health answers and memory is bounded beside ${count} ${what}`, async () => {
    const server = await startServer();
    const send = () =>
      fetch(`${server.origin}/classify`, {
        method: "POST",
        headers: { "content-type": type },
        body: body as BodyInit,
      });
    await (await send()).bytes();
    await delay(800); // the worker has taken over
    const before = (await residentBytes(server.pid))!;
    let isDone = false, most = before;
    const started = performance.now();
    const answers = Promise.all(Array.from({ length: count }, async () => {
      const response = await send();
      await response.bytes();
      return response.status;
    })).finally(() => isDone = true);
    const ms: number[] = [];
    while (!isDone) {
      const asked = performance.now(), response = await fetch(`${server.origin}/health/live`);
      await response.bytes();
      ms.push(performance.now() - asked);
      most = Math.max(most, (await residentBytes(server.pid))!);
      await delay(5);
    }
    for (const status of await answers) assert(statuses.includes(status), `${status}`);
    ms.sort((a, b) => a - b);
    const late = ms[Math.floor(0.9 * ms.length)], taken = most - before;
    assert(late < 150, `health took ${late.toFixed(0)} ms`);
    assert(taken < 600e6, `${taken} bytes more were taken`);
    assert(performance.now() - started < 30_000);
    await server.stop();
  });
}

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { gunzipIdx, isGzipped, MAX_IDX_BYTES } from "../../src/data/gunzip.ts";
import { encodeIdx, IdxFormatError, imageForm, labelForm } from "../../src/data/idx.ts";
import { counting, gzip, gzipMembers } from "./idx_files.ts";

const images = counting([20, 3, 3]);
const asImages = { form: imageForm, file: "x.gz" };

/** Images whose header says `shape`, whatever follows. */
function claiming(shape: number[], bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  out.set(encodeIdx({ shape: [0, 0, 0], data: new Uint8Array(0) }));
  shape.forEach((size, axis) => new DataView(out.buffer).setUint32(4 + 4 * axis, size));
  return out;
}

Deno.test("a gzipped file unpacks to itself, in one member or cut into several anywhere", async () => {
  assert(isGzipped(await gzip(images)) && !isGzipped(images));
  assertEquals(await gunzipIdx(await gzip(images), asImages), images);
  const cuts = fc.array(fc.integer({ min: 0, max: images.length }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(cuts, async (cuts) => {
      assertEquals(await gunzipIdx(await gzipMembers(images, cuts), asImages), images);
    }),
    { numRuns: 40 },
  );
});

Deno.test("files larger than what is read at first unpack to themselves", async () => {
  const data = crypto.getRandomValues(new Uint8Array(60_000)); // which gzip does not make smaller
  const noise = encodeIdx({ shape: [60, 100, 10], data });
  assertEquals(await gunzipIdx(await gzipMembers(noise, [10, 30_000]), asImages), noise);
  const zeros = encodeIdx({ shape: [1000, 28, 28], data: new Uint8Array(784_000) });
  assertEquals(await gunzipIdx(await gzip(zeros), asImages), zeros);
});

Deno.test("a file of few labels, shorter than the longest header, unpacks to itself", async () => {
  const labels = counting([2]);
  assertEquals(await gunzipIdx(await gzip(labels), { form: labelForm, file: "y" }), labels);
});

Deno.test("a broken gzip stream is refused", async () => {
  const packed = await gzip(images), changed = packed.slice();
  changed.set([1, 2, 3, 4], 12);
  for (const bytes of [packed.slice(0, -9), changed, packed.slice(0, 3)]) {
    const error = await assertRejects(() => gunzipIdx(bytes, asImages), IdxFormatError);
    assert(error.message.startsWith("Cannot read x.gz: its gzip stream is broken"), error.message);
  }
});

const refused: [string, Uint8Array, string][] = [
  [
    "it unpacks to more than its header says",
    claiming([2, 28, 28], 5_000_000),
    "it is too long: its header needs 1584 bytes, it unpacks to more",
  ],
  [
    "it unpacks to less than its header says",
    claiming([2, 28, 28], 1583),
    "it is truncated: shape (2, 28, 28) needs 1584 bytes, got 1583",
  ],
  [
    "its header says more than the bound",
    claiming([60_000, 784, 784], 5_000_000),
    `it must unpack to at most ${MAX_IDX_BYTES} bytes, its shape (60000, 784, 784) needs 36879360016`,
  ],
  [
    "its header says more than its packed bytes can hold",
    claiming([60_000, 28, 28], 1000),
    "it is truncated: its shape (60000, 28, 28) needs 47040016 bytes",
  ],
  [
    "it holds HTML",
    new TextEncoder().encode("<!doctype html><title>404</title>"),
    "begin with 0x0000, got 0x3c21",
  ],
];
for (const [what, bytes, message] of refused) {
  Deno.test(`a gzipped file is refused before it is unpacked further: ${what}`, async () => {
    const packed = await gzip(bytes), { rss } = Deno.memoryUsage();
    const error = await assertRejects(() => gunzipIdx(packed, asImages), IdxFormatError);
    assert(error.message.startsWith(`Cannot read x.gz: `), error.message);
    assert(error.message.includes(message), error.message);
    assert(Deno.memoryUsage().rss - rss < 30e6, "it was unpacked");
  });
}

import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { collect, joined } from "../../src/outside/collect.ts";
import { FileRefused, readFileStart, readRegularFile } from "../../src/outside/regular_file.ts";

const directory = await Deno.makeTempDir(), path = `${directory}/a`;

Deno.test("a file is read whole, whatever part of it is looked at first", async () => {
  for (const size of [0, 1, 5, 65_536, 200_000]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7);
    await Deno.writeFile(path, bytes);
    for (const headBytes of [0, 5, 300_000]) {
      const seen: unknown[] = [];
      const head = {
        bytes: headBytes,
        check: (start: Uint8Array, all: number) => seen.push(start, all),
      };
      assertEquals(await readRegularFile(path, { maxBytes: size, head }), bytes);
      assertEquals(seen, [bytes.subarray(0, headBytes), size]);
    }
  }
});

Deno.test("a file that is too large, or none, is refused with the bound and the value", async () => {
  await Deno.writeFile(path, new Uint8Array(6));
  const read = (file: string) => readRegularFile(file, { maxBytes: 5, from: "a test" });
  await assertRejects(() => read(path), FileRefused, "at most 5 bytes (a test), got 6");
  await assertRejects(() => read(directory), FileRefused, "it must be a regular file");
});

Deno.test("the beginning of a file is read, or all of a shorter one, and of nothing else", async () => {
  await Deno.writeFile(path, new Uint8Array([1, 2, 3]));
  assertEquals([...await readFileStart(path, 2)], [1, 2]);
  assertEquals([...await readFileStart(path, 4)], [1, 2, 3]);
  await assertRejects(() => readFileStart(directory, 2), FileRefused, "it must be a regular file");
});

Deno.test("parts of a stream are joined in order, up to the bound", async () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 });
  await fc.assert(fc.asyncProperty(parts, fc.nat(60), async (parts, maxBytes) => {
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    assertEquals(joined(parts, bytes.length), bytes);
    let heard = 0;
    const collected = await collect(ReadableStream.from(parts), {
      maxBytes,
      onPart: () => heard++,
    });
    assertEquals(collected, bytes.length <= maxBytes ? bytes : undefined);
    if (collected) assertEquals(heard, parts.length);
  }));
});

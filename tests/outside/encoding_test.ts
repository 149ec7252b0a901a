/** Base64 and hexadecimal digits against those of std. */
import { assertEquals, assertThrows } from "@std/assert";
import * as base64 from "@std/encoding/base64";
import * as hex from "@std/encoding/hex";
import { decodeBase64, decodeHex, encodeBase64, encodeHex } from "../../src/outside/encoding.ts";

const sizes = [0, 1, 2, 3, 4, 5, 100, 0x8000, 0x8001, 100_000];

function bytesOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 167 + 13) % 256);
}

Deno.test("bytes are written and read as std does", () => {
  for (const bytes of sizes.map(bytesOf)) {
    assertEquals(encodeBase64(bytes), base64.encodeBase64(bytes));
    assertEquals(decodeBase64(base64.encodeBase64(bytes)), bytes);
    assertEquals(encodeHex(bytes), hex.encodeHex(bytes));
    assertEquals(decodeHex(hex.encodeHex(bytes).toUpperCase()), bytes);
  }
});

Deno.test("a platform without toBase64 writes the same", () => {
  for (const bytes of sizes.map(bytesOf)) {
    const without = Object.defineProperty(bytes.slice(), "toBase64", { value: undefined });
    assertEquals(encodeBase64(without), base64.encodeBase64(bytes));
  }
});

Deno.test("what is neither is refused", () => {
  for (const text of ["A", "AAA", "AA=A", "A===", "AA_=", "AA A", "AAAA\n", "AA-="]) {
    assertThrows(() => decodeBase64(text), TypeError);
  }
  for (const text of ["0", "0g", " 00", "00\n"]) assertThrows(() => decodeHex(text), TypeError);
});

import { assertEquals, assertThrows } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import fc from "fast-check";
import {
  DerError,
  readElements,
  readSequence,
  signatureFromDer,
  signatureToDer,
  writeElement,
} from "../../src/signing/der.ts";

const seed = { seed: 1 };

Deno.test("a signature's two numbers have the shortest positive integers, known in bytes", () => {
  const numbers = (r: string, s: string) => r.padStart(64, "0") + s.padStart(64, "0");
  const known: [string, string][] = [
    [numbers("01", "02"), "3006020101020102"],
    [numbers("80", "7f"), "300702020080" + "02017f"],
    [numbers("0100", "00"), "3007" + "02020100" + "020100"],
    ["ff".repeat(64), "3046" + ("022100" + "ff".repeat(32)).repeat(2)],
  ];
  for (const [raw, der] of known) {
    assertEquals(encodeHex(signatureToDer(decodeHex(raw))), der);
    assertEquals(encodeHex(signatureFromDer(decodeHex(der))), raw);
  }
});

Deno.test("signatures go to DER and back unchanged", () => {
  const number = fc.tuple(fc.nat(32), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map(([zeros, bytes]) => bytes.fill(0, 0, zeros));
  fc.assert(
    fc.property(number, number, (r, s) => {
      const numbers = new Uint8Array([...r, ...s]);
      assertEquals(signatureFromDer(signatureToDer(numbers)), numbers);
    }),
    { ...seed, numRuns: 1000 },
  );
});

Deno.test("a signature has one form in DER: whatever parses is written the same", () => {
  const byte = fc.constantFrom(0, 1, 2, 3, 0x30, 0x7f, 0x80, 0x81, 0xff);
  const near = fc.tuple(fc.array(byte, { maxLength: 4 }), fc.array(byte, { maxLength: 4 }), byte)
    .map(([r, s, tag]) =>
      writeElement(0x30, writeElement(2, bytes(r)), writeElement(tag, bytes(s)))
    );
  fc.assert(
    fc.property(fc.oneof(near, fc.array(byte, { maxLength: 12 }).map(bytes)), (der) => {
      let numbers: Uint8Array;
      try {
        numbers = signatureFromDer(der);
      } catch (error) {
        if (!(error instanceof DerError)) throw error;
        return;
      }
      assertEquals(signatureToDer(numbers), der);
    }),
    { ...seed, numRuns: 5000 },
  );
});

const refused: Record<string, string> = {
  "nothing": "",
  "a length that is cut": "30",
  "an element that is cut": "3006020101",
  "bytes behind it": "300602010102010200",
  "one integer": "3003020101",
  "three integers": "3009020101020102020103",
  "a negative integer": "3006020181020102",
  "an integer with a zero too many": "300702020001020102",
  "an empty integer": "30050200020102",
  "an integer of 33 bytes": "3026" + "022101" + "00".repeat(32) + "020101",
  "an octet string": "3006040101020102",
  "a long form of a short length": "308106020101020102",
  "an indefinite length": "30800201010201020000",
};
for (const [what, hex] of Object.entries(refused)) {
  Deno.test(`a signature in DER is refused: ${what}`, () => {
    assertThrows(() => signatureFromDer(decodeHex(hex)), DerError);
  });
}

Deno.test("elements of every length are read as they were written", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65535]) {
    const content = new Uint8Array(length).fill(7);
    const both = [...writeElement(4, content), ...writeElement(5)];
    assertEquals(readElements(bytes(both)), [{ tag: 4, content }, { tag: 5, content: bytes([]) }]);
    if (length > 65000) continue; // the sequence would be too long
    assertEquals(readSequence(writeElement(0x30, writeElement(4, content))), [{ tag: 4, content }]);
  }
});

function bytes(numbers: number[]): Uint8Array {
  return Uint8Array.from(numbers);
}

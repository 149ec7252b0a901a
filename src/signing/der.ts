/**
 * As much of DER (ITU-T X.690) as keys and ECDSA signatures need. Every element has one encoding: lengths
 * and integers that could be shorter are refused, so that no byte of a signature can change unnoticed.
 * @module
 */

/** Bytes that are no DER, or not of the expected structure. */
export class DerError extends Error {
  override name = "DerError";
}

/** Tags of elements. */
export const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  /** Context-specific and constructed, such as the parameters of an ECPrivateKey. */
  first: 0xa0,
  second: 0xa1,
} as const;

/** An element: its tag and what it holds. */
export interface DerElement {
  tag: number;
  content: Uint8Array;
}

/** The longest length in bytes that is read: two bytes are enough for any key. */
const MAX_LENGTH_BYTES = 2;

/** The elements that lie one behind the other. @throws {DerError} */
export function readElements(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at], { length, start } = readLength(bytes, at + 1);
    if (start + length > bytes.length) throw new DerError("an element is longer than its file");
    elements.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

/** The elements of the sequence that `bytes` is. @throws {DerError} */
export function readSequence(bytes: Uint8Array): DerElement[] {
  const [sequence, ...rest] = readElements(bytes);
  if (sequence?.tag !== tags.sequence || rest.length > 0) throw new DerError("it is no sequence");
  return readElements(sequence.content);
}

/** @throws {DerError} unless the length has its shortest form. */
function readLength(bytes: Uint8Array, at: number): { length: number; start: number } {
  const first = bytes[at], count = first & 0x7f;
  if (first < 0x80) return { length: first, start: at + 1 };
  let length = 0;
  for (let i = 1; i <= count; i++) length = 256 * length + bytes[at + i];
  const least = count === 1 ? 0x80 : 0x100;
  if (count < 1 || count > MAX_LENGTH_BYTES || !(length >= least)) {
    throw new DerError("a length is cut or not in its shortest form");
  }
  return { length, start: at + 1 + count };
}

/** An element of the parts, one behind the other. */
export function writeElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Bytes of each of the two numbers of a P-256 signature. */
const NUMBER_BYTES = 32;

/**
 * An ECDSA signature as OpenSSL writes it, a sequence of r and s (RFC 3279, 2.2.3), from the form of
 * WebCrypto, which is r and s in 32 bytes each (IEEE P1363).
 */
export function signatureToDer(numbers: Uint8Array): Uint8Array {
  const integers = [0, NUMBER_BYTES].map((at) => {
    let start = at;
    while (start < at + NUMBER_BYTES - 1 && numbers[start] === 0) start++;
    const digits = numbers.subarray(start, at + NUMBER_BYTES);
    return writeElement(tags.integer, digits[0] < 0x80 ? digits : Uint8Array.of(0, ...digits));
  });
  return writeElement(tags.sequence, ...integers);
}

/** The way back. @throws {DerError} unless it is a signature of two numbers of at most 32 bytes. */
export function signatureFromDer(der: Uint8Array): Uint8Array {
  const integers = readSequence(der), numbers = new Uint8Array(2 * NUMBER_BYTES);
  if (integers.length !== 2) throw new DerError("a signature must be two integers");
  integers.forEach(({ tag, content }, i) => {
    const isPositive = content.length > 0 && content[0] < 0x80;
    const isShortest = content.length === 1 || content[0] !== 0 || content[1] >= 0x80;
    const digits = content[0] === 0 ? content.subarray(1) : content;
    if (tag !== tags.integer || !isPositive || !isShortest || digits.length > NUMBER_BYTES) {
      throw new DerError("a signature must be two positive integers of 32 bytes at most");
    }
    numbers.set(digits, (i + 1) * NUMBER_BYTES - digits.length);
  });
  return numbers;
}

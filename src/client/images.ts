/**
 * Images on their way to a service.
 * @module
 */

// B images, V pixels of an image

/** A picture of one digit, a PNG of any size: a file, or its bytes. */
export type Picture = Blob | Uint8Array;

/** An image as the model takes it, (V): bytes, or numbers from 0, the background, to the divisor. */
export type Image = Uint8Array | Uint8ClampedArray | Float32Array | readonly number[];

/** A body of `POST /classify` and its media type. */
export interface ImageBody {
  type: "image/png" | "application/octet-stream" | "application/json";
  body: Blob | Uint8Array | string;
}

/** The first bytes of every PNG. */
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The last bytes: type and checksum of the chunk IEND. */
const PNG_END = [0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82];
/** Decimal digits that name a 32-bit float exactly. */
const FLOAT_DIGITS = 9;

/**
 * Images as the body of a request.
 * @param divisor the intensity of full ink; that of the model for bytes, and 1 for numbers, unless given
 * @throws {TypeError} if they are none
 */
export function imageBody(
  input: Picture | Image | readonly Image[],
  divisor: number | undefined,
): ImageBody {
  if (input instanceof Blob) return { type: "image/png", body: input };
  if (isPng(input)) return { type: "image/png", body: input };
  const images = toBatch(input);
  if (images.some(isPng)) throw new TypeError("Cannot classify: pictures must come one a call");
  if (images.length > 0 && images.every(isBytes) && divisor === undefined) {
    return { type: "application/octet-stream", body: concatenate(images) };
  }
  if (images.some(isBytes) && !images.every(isBytes)) {
    throw new TypeError("Cannot classify: images of one call must be all bytes or all numbers");
  }
  const fullInk = divisor ?? 1;
  const pixels = images.map((image) =>
    image instanceof Float32Array && fullInk === 1 ? Array.from(image, shortest) : Array.from(image)
  );
  return { type: "application/json", body: JSON.stringify({ pixels, divisor: fullInk }) };
}

/** @throws {TypeError} unless it is an image or a list of them */
function toBatch(input: Exclude<Parameters<typeof imageBody>[0], Blob>): readonly Image[] {
  if (ArrayBuffer.isView(input)) return [checkImage(input)];
  if (!Array.isArray(input)) return [checkImage(input)];
  return typeof input[0] === "number" ? [input as number[]] : (input as Image[]).map(checkImage);
}

function checkImage(image: unknown): Image {
  if (isBytes(image) || image instanceof Float32Array || Array.isArray(image)) {
    return image as Image;
  }
  throw new TypeError(
    `Cannot classify: it must be a Blob, bytes, a Float32Array or numbers, got ${typeof image}`,
  );
}

function isBytes(image: unknown): image is Uint8Array | Uint8ClampedArray {
  return image instanceof Uint8Array || image instanceof Uint8ClampedArray;
}

/** Whether bytes begin as a PNG. */
export function isPng(image: unknown): image is Uint8Array {
  return image instanceof Uint8Array && PNG_SIGNATURE.every((byte, i) => image[i] === byte);
}

/** Whether a PNG's bytes end with its last chunk, and so none is missing. */
export function isEnded(png: Uint8Array): boolean {
  return PNG_END.every((byte, i) => png[png.length - PNG_END.length + i] === byte);
}

/** Images one after the other, (B, V). */
function concatenate(images: readonly (Uint8Array | Uint8ClampedArray)[]): Uint8Array {
  const bytes = new Uint8Array(images.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const image of images) {
    bytes.set(image, end);
    end += image.length;
  }
  return bytes;
}

/** A pixel without the digits that a 32-bit float does not have, so that JSON is half as long. */
function shortest(pixel: number): number {
  return Number(pixel.toPrecision(FLOAT_DIGITS));
}

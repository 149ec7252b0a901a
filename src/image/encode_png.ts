/**
 * PNG out, by fast-png.
 * @module
 */
import { encode } from "fast-png";
import type { GrayImage } from "./png.ts";

// H height, W width, in pixels

/** Encodes grey bytes (H, W) as an 8-bit PNG. */
export function encodeGrayPng({ data, width, height }: GrayImage): Uint8Array {
  return encode({ width, height, data, channels: 1, depth: 8 });
}

/** Encodes RGB bytes (H, W, 3) as an 8-bit PNG. */
export function encodeRgbPng(data: Uint8Array, width: number, height: number): Uint8Array {
  return encode({ width, height, data, channels: 3, depth: 8 });
}

/**
 * A 5×7 bitmap font for labels in pictures: digits, capitals and some signs. Lower case is drawn as
 * capitals.
 * @module
 */
import type { GrayImage } from "./png.ts";

/** Width and height of a glyph in pixels, and the step to the next one. */
export const GLYPH = { width: 5, height: 7, advance: 6 } as const;

/** Seven rows of five bits, top to bottom, the leftmost pixel in the highest bit, in base 32. */
const glyphs: Record<string, string> = {
  "0": "ehjlphe",
  "1": "4c4444e",
  "2": "eh1248v",
  "3": "v2421he",
  "4": "26aiv22",
  "5": "vgu11he",
  "6": "68guhhe",
  "7": "v124888",
  "8": "ehhehhe",
  "9": "ehhf12c",
  A: "ehhvhhh",
  B: "uhhuhhu",
  C: "ehggghe",
  D: "sihhhis",
  E: "vggsggv",
  F: "vggsggg",
  G: "ehgnhhf",
  H: "hhhvhhh",
  I: "e44444e",
  J: "72222ic",
  K: "hikokih",
  L: "ggggggv",
  M: "hrllhhh",
  N: "hhpljhh",
  O: "ehhhhhe",
  P: "uhhuggg",
  Q: "ehhhlid",
  R: "uhhukih",
  S: "fgge11u",
  T: "v444444",
  U: "hhhhhhe",
  V: "hhhhha4",
  W: "hhhllla",
  X: "hha4ahh",
  Y: "hha4444",
  Z: "v1248gv",
  " ": "0000000",
  ".": "00000cc",
  ",": "00000c8",
  ":": "0cc0cc0",
  "%": "op248j3",
  "-": "000v000",
  "+": "044v440",
  "(": "2488842",
  ")": "8422248",
  "/": "01248g0",
  "=": "00v0v00",
  "_": "000000v",
  "|": "4444444",
  "*": "04lel40",
};

const UNKNOWN = "vhhhhhv";

/** Width of a text in pixels. */
export function textWidth(text: string, scale = 1): number {
  return Math.max(0, text.length * GLYPH.advance - 1) * scale;
}

/** Calls `plot` for every pixel of `text` with its upper left corner at (x, y). */
export function drawText(
  text: string,
  x: number,
  y: number,
  plot: (x: number, y: number) => void,
  scale = 1,
): void {
  [...text.toUpperCase()].forEach((character, i) => {
    const rows = glyphs[character] ?? UNKNOWN;
    for (let row = 0; row < GLYPH.height * scale; row++) {
      const bits = parseInt(rows[Math.floor(row / scale)], 32);
      for (let column = 0; column < GLYPH.width * scale; column++) {
        if (bits >> (GLYPH.width - 1 - Math.floor(column / scale)) & 1) {
          plot(x + i * GLYPH.advance * scale + column, y + row);
        }
      }
    }
  });
}

/** Draws text into a grey image; what falls outside is left out. */
export function drawGrayText(
  image: GrayImage,
  text: string,
  x: number,
  y: number,
  gray = 255,
): void {
  drawText(text, x, y, (px, py) => {
    if (px >= 0 && px < image.width && py >= 0 && py < image.height) {
      image.data[py * image.width + px] = gray;
    }
  });
}

/**
 * Text in grey pictures: a layer of SVG that resvg draws with DejaVu Sans, laid over the picture.
 *
 * Both packages are named here alone and not in deno.json, so that serving never fetches them, and are
 * loaded when the first text is drawn.
 * @module
 */
import { readFile } from "node:fs/promises";
import { escape } from "@std/html/entities";
import type { GrayImage } from "../../src/image/png.ts";
import { packageSpecifier, withPackages } from "../../src/outside/packages.ts";

/** A line of text; lengths in pixels of the picture. */
export interface Label {
  text: string;
  /** Where the text begins, has its middle or ends. */
  x: number;
  /** Its base line. */
  y: number;
  align: "start" | "middle" | "end";
  size: number;
  /** Of 255. */
  gray: number;
}

const FAMILY = "DejaVu Sans";
/** Width of an average character of DejaVu Sans, as a share of its size; few texts are wider. */
const CHARACTER_WIDTH = 0.66;

/** Draws labels over a picture, in place; what falls outside is left out. */
export async function drawLabels(
  { data, width, height }: GrayImage,
  labels: readonly Label[],
): Promise<void> {
  const texts = labels.map(({ text, x, y, align, size, gray }) =>
    `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${align}" ` +
    `fill="rgb(${gray},${gray},${gray})">${escape(text)}</text>`
  );
  const { Resvg, font } = await openResvg();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `font-family="${FAMILY}">${texts.join("")}</svg>`;
  const drawing = new Resvg(svg, {
    font: { fontBuffers: [font], defaultFontFamily: FAMILY, loadSystemFonts: false },
  });
  const rendered = drawing.render(), layer = rendered.pixels; // (height, width, RGBA), alpha multiplied in
  for (let i = 0; i < data.length; i++) {
    data[i] = Math.round(layer[4 * i] + data[i] * (255 - layer[4 * i + 3]) / 255);
  }
  rendered.free();
  drawing.free();
}

/** Pixels that a text takes at most, for all but the widest letters. */
export function textWidth(text: string, size: number): number {
  return Math.ceil(CHARACTER_WIDTH * size * [...text].length);
}

let opened: ReturnType<typeof loadResvg> | undefined;

function openResvg() {
  return opened ??= loadResvg();
}

async function loadResvg() {
  const [{ initWasm, Resvg }] = await withPackages(
    "draw text",
    ["@resvg/resvg-wasm", "dejavu-fonts-ttf"],
    () =>
      Promise.all([
        import("npm:@resvg/resvg-wasm@2.6.2"),
        import("npm:dejavu-fonts-ttf@2.37.3/package.json", { with: { type: "json" } }),
      ]),
  );
  const read = (specifier: string) => readFile(new URL(import.meta.resolve(specifier)));
  const [wasm, font] = await Promise.all([
    read(packageSpecifier("@resvg/resvg-wasm", "/index_bg.wasm")),
    read(packageSpecifier("dejavu-fonts-ttf", "/ttf/DejaVuSans.ttf")),
  ]);
  await initWasm(wasm);
  return { Resvg, font };
}

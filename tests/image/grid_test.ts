import { assert, assertEquals, assertThrows } from "@std/assert";
import { imageGrid, toGridPng, toText } from "../../src/image/grid.ts";

Deno.test("a grid places each image at its row and column", () => {
  const images = new Float32Array(5 * 4).map((_, i) => (Math.floor(i / 4) + 1) / 5);
  const grid = imageGrid(images, { height: 2, width: 2, columns: 3, gap: 1 });
  assertEquals([grid.width, grid.height], [10, 7]);
  const at = (x: number, y: number) => grid.data[y * grid.width + x];
  assertEquals([at(1, 1), at(4, 1), at(7, 1), at(1, 4), at(4, 4)], [51, 102, 153, 204, 255]);
  assertEquals([at(0, 0), at(3, 1), at(7, 4)], [64, 64, 64]);
});

Deno.test("scale repeats pixels and values outside [0, 1] are clipped", () => {
  const grid = imageGrid(Float32Array.of(-1, 2), { height: 1, width: 2, gap: 0, scale: 2 });
  assertEquals([...grid.data], [0, 0, 255, 255, 0, 0, 255, 255]);
});

Deno.test("numbers that do not fill whole images are refused", () => {
  assertThrows(() => imageGrid(new Float32Array(785)), RangeError, "got 785");
  assertThrows(() => toGridPng(new Float32Array(784), { scale: 0 }), RangeError, "got 0");
  assertThrows(() => imageGrid(new Float32Array(784), { rowGap: -1 }), RangeError, "got -1");
  assertThrows(() => imageGrid(new Float32Array(784), { background: 256 }), RangeError, "got 256");
  assertThrows(() => toText(new Float32Array(3)), RangeError, "got 3");
});

Deno.test("rows may be further apart than columns, on a grey of one's own", () => {
  const options = { height: 1, width: 1, columns: 2, gap: 1, rowGap: 3, background: 200 };
  const grid = imageGrid(new Float32Array(4), options);
  assertEquals([grid.width, grid.height], [5, 9]);
  const dark = [...grid.data.keys()].filter((i) => grid.data[i] === 0);
  assertEquals(dark.map((i) => [i % 5, Math.floor(i / 5)]), [[1, 1], [3, 1], [1, 5], [3, 5]]);
  assert(grid.data.every((gray) => gray === 0 || gray === 200));
});

Deno.test("text shows two rows a line", () => {
  const text = toText(Float32Array.of(1, 0, 1, 0, 1, 1, 0, 0.4), { height: 4, width: 2 });
  assertEquals(text, "█\n▀▀");
});

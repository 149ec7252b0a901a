import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { imageGrid, showExamples, toGridPng, toText } from "../../src/image/grid.ts";
import { filterGrid, linePlot } from "../../src/image/plot.ts";
import { decodePng } from "../../src/image/png.ts";

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
  assertThrows(() => toText(new Float32Array(3)), RangeError, "got 3");
});

Deno.test("showExamples draws a labelled grid", async () => {
  const examples = [0, 1, 2].map((label) => ({ image: new Uint8Array(784).fill(9), label }));
  const picture = await decodePng(await showExamples(examples, { rows: 1, columns: 3 }));
  assertEquals([picture.width, picture.height], [3 * 58 + 2, 56 + 9 + 2 + 2]);
  assert(picture.data.includes(255), "the labels are drawn in white");
  await assertRejects(() => showExamples([]), RangeError, "there are none");
});

Deno.test("text shows two rows a line", () => {
  const text = toText(Float32Array.of(1, 0, 1, 0, 1, 1, 0, 0.4), { height: 4, width: 2 });
  assertEquals(text, "█\n▀▀");
});

Deno.test("plots and filters are PNGs of the size asked for", async () => {
  const series = [{ name: "a", x: [1, 2], y: [3, 4] }];
  const plot = await decodePng(linePlot({ title: "t", xLabel: "x", yLabel: "y", series }));
  assertEquals([plot.width, plot.height], [840, 420]);
  const filters = filterGrid(Float32Array.of(1, 0, -1, 0.5), {
    height: 2,
    width: 1,
    count: 2,
    gap: 0,
  });
  assertEquals([...(await decodePng(filters)).data], [255, 128, 0, 255]);
});

Deno.test("every line of a plot has a colour or dashes of its own", async () => {
  const series = Array.from({ length: 14 }, (_, i) => ({ name: "a", x: [0, 1], y: [i, i] }));
  const plot = { title: "", xLabel: "", yLabel: "" };
  const { data, width } = await decodePng(linePlot({ ...plot, series }));
  const looks = series.map((_, i) => {
    const start = (28 + 8 + 14 * i) * width + width - 100;
    return data.subarray(start, start + 100).join(); // the legend's row
  });
  assertEquals(new Set(looks).size, series.length);
});

Deno.test("plots that cannot be drawn are refused", () => {
  const plot = { title: "", xLabel: "", yLabel: "" };
  assertThrows(() => linePlot({ ...plot, series: [] }), RangeError, "no point");
  const series = [{ name: "a", x: [1], y: [0] }];
  assertThrows(() => linePlot({ ...plot, series, logY: true }), RangeError, "> 0");
});

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { decodePng, type GrayImage } from "../../../src/image/png.ts";
import { labelledGridPng, showExamples } from "../../../train/artifacts/labelled_grid.ts";
import { drawLabels } from "../../../train/artifacts/text.ts";

/** Pixels of a rectangle that are darker than `gray`. */
function darker(
  { data, width }: GrayImage,
  { left, top, right, bottom }: { left: number; top: number; right: number; bottom: number },
  gray = 150,
): number {
  let count = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) if (data[y * width + x] < gray) count++;
  }
  return count;
}

Deno.test("a labelled grid holds every pixel of its images, and text at its margins alone", async () => {
  const images = Float32Array.from({ length: 4 * 784 }, (_, i) => (i % 101) / 100);
  const labels = { rows: ["0", "ankle boot"], columns: ["1", "3,000"] };
  const picture = await decodePng(await labelledGridPng(images, labels, { columns: 2 }));
  const left = picture.width - 62, top = picture.height - 62; // of the grid: 2 images, 3 gaps
  assertEquals(top, 20);
  for (let i = 0; i < images.length; i++) {
    const image = Math.floor(i / 784), y = Math.floor(i % 784 / 28), x = i % 28;
    const row = top + 2 + 30 * Math.floor(image / 2) + y, column = left + 2 + 30 * (image % 2) + x;
    assertEquals(picture.data[row * picture.width + column], Math.round(255 * images[i]));
  }
  const text = (left: number, top: number, right: number, bottom: number) =>
    darker(picture, { left, top, right, bottom });
  const first = text(0, top, left, top + 31), second = text(0, top + 31, left, picture.height);
  assert(first > 5 && second > 3 * first, `0 has ${first} dark pixels, ankle boot ${second}`);
  assert(text(left, 0, left + 31, top) > 5 && text(left + 31, 0, picture.width, top) > 20);
  assertEquals(text(0, 0, left, top), 0);
  assertEquals(text(left, top, left + 62, top + 2), 0);
});

Deno.test("two texts are drawn differently, the same one alike, and markup as it stands", async () => {
  const draw = async (text: string) => {
    const image = { data: new Uint8Array(100 * 24).fill(255), width: 100, height: 24 };
    await drawLabels(image, [{ text, x: 2, y: 17, align: "start", size: 14, gray: 0 }]);
    return image;
  };
  const [three, again, eight, markup] = await Promise.all(["3", "3", "8", "a<&>\"'b"].map(draw));
  assertEquals(three, again);
  assertNotEquals(three, eight);
  assert(darker(markup, { left: 40, top: 0, right: 100, bottom: 24 }) > 20, "the text goes on");
});

Deno.test("showExamples captions each image with its class, in a font that fits", async () => {
  const examples = [0, 1, 2].map((label) => ({ image: new Uint8Array(784).fill(9), label }));
  const show = async (labels?: string[]) =>
    await decodePng(await showExamples(examples, { rows: 1, columns: 3, labels }));
  const numbers = await show();
  assertEquals([numbers.width, numbers.height], [3 * 58 + 2, 2 + 56 + 22]);
  const caption = (picture: GrayImage, i: number) => {
    const left = 1 + 58 * i;
    return darker(picture, { left, top: 59, right: left + 58, bottom: picture.height });
  };
  for (const i of [0, 1, 2]) assert(caption(numbers, i) > 5);
  const named = await show(["T-shirt/top", "trouser", "a"]);
  assert(caption(named, 0) > caption(named, 2));
  // The gaps beside a long caption stay white.
  for (const x of [0, 58, 59]) {
    assertEquals(darker(named, { left: x, top: 59, right: x + 1, bottom: named.height }), 0);
  }
  await assertRejects(() => showExamples([]), RangeError, "there are none");
});

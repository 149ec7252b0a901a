import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { mnist } from "../../src/data/mnist.ts";
import { fitDigit } from "../../src/image/fit.ts";
import type { GrayImage } from "../../src/image/png.ts";

/** A grey picture with a filled rectangle of ink. */
function rectangle(
  { width = 100, height = 80, left = 10, top = 20, w = 10, h = 40, ink = 255, paper = 0 } = {},
): GrayImage {
  const data = new Uint8Array(width * height).fill(paper);
  for (let y = top; y < top + h; y++) data.fill(ink, y * width + left, y * width + left + w);
  return { data, width, height };
}

function box(image: Uint8Array) {
  const on = [...image.keys()].filter((i) => image[i] > 127);
  const xs = on.map((i) => i % 28), ys = on.map((i) => Math.floor(i / 28));
  return {
    left: Math.min(...xs),
    right: Math.max(...xs),
    top: Math.min(...ys),
    bottom: Math.max(...ys),
  };
}

Deno.test("MNIST digits come back as they are", async () => {
  const { images, count } = await mnist().load({ split: "test[:2000]" });
  let changed = 0;
  for (let i = 0; i < count; i++) {
    const data = images.slice(i * 784, (i + 1) * 784);
    if (fitDigit({ data, width: 28, height: 28 }).some((pixel, j) => pixel !== data[j])) changed++;
  }
  console.log(`${changed} of ${count} MNIST digits changed`);
  assertEquals(changed, 0);
});

Deno.test("ink is fitted to 20 × 20 with its aspect and centred", () => {
  assertEquals(box(fitDigit(rectangle())), { left: 12, right: 16, top: 4, bottom: 23 });
  assertEquals(box(fitDigit(rectangle({ w: 40, h: 10 }))), {
    left: 4,
    right: 23,
    top: 12,
    bottom: 16,
  });
});

Deno.test("place, scale, contrast and polarity of the picture do not matter", () => {
  const expected = fitDigit(rectangle());
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 80 }),
    fc.integer({ min: 1, max: 30 }),
    fc.boolean(),
    fc.integer({ min: 1, max: 3 }),
    (left, top, dark, scale) => {
      const picture = rectangle({
        left,
        top,
        width: 110 * scale,
        height: 90 * scale + 80,
        w: 10 * scale,
        h: 40 * scale,
        ...(dark ? { ink: 30, paper: 220 } : {}),
      });
      assertEquals(fitDigit(picture), expected);
    },
  ));
});

Deno.test("a thin stroke keeps its ink when it shrinks", () => {
  const thin = fitDigit(rectangle({ width: 800, height: 800, left: 100, top: 100, w: 8, h: 600 }));
  assert(Math.max(...thin) > 60);
});

Deno.test("a tiny digit is enlarged", () => {
  const { top, bottom } = box(
    fitDigit(rectangle({ width: 10, height: 12, left: 3, top: 2, w: 2, h: 6 })),
  );
  assertEquals([top, bottom], [4, 23]);
});

Deno.test("a blank picture is refused with the contrast needed and found", () => {
  for (const paper of [0, 128, 255]) {
    const data = new Uint8Array(100).fill(paper);
    assertThrows(
      () => fitDigit({ data, width: 10, height: 10 }),
      RangeError,
      "Cannot find a digit",
    );
  }
  const faint = rectangle({ ink: 10 });
  assertThrows(() => fitDigit(faint), RangeError, "at least 16 of 255, got 10");
});

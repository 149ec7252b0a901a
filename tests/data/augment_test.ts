import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { augment, Augmenter, noAugmentation } from "../../src/data/augment.ts";

const size = { height: 28, width: 28 };

/** A disc of radius 4 around a place. */
function disc(x: number, y: number): Float32Array {
  return Float32Array.from(
    { length: 784 },
    (_, i) => Math.max(0, Math.min(1, 4.5 - Math.hypot(i % 28 - x, Math.floor(i / 28) - y))),
  );
}

function centre(image: Float32Array): { x: number; y: number; mass: number } {
  let mass = 0, x = 0, y = 0;
  image.forEach((v, i) => {
    mass += v;
    x += v * (i % 28);
    y += v * Math.floor(i / 28);
  });
  return { x: x / mass, y: y / mass, mass };
}

function apply(options: Partial<typeof noAugmentation>, image: Float32Array, index = 0, epoch = 0) {
  const out = new Float32Array(784);
  new Augmenter({ ...noAugmentation, ...options }, size, { seed: 3, epoch })
    .apply(out, image, index);
  return out;
}

Deno.test("without amounts an image stays as it is", () => {
  const image = disc(11, 15);
  assertEquals(apply({}, image), image);
});

Deno.test("shifts move the centre of mass, evenly and within their bound", () => {
  const moves = Array.from({ length: 300 }, (_, i) => centre(apply({ shift: 3 }, disc(13, 14), i)));
  for (const { x, y } of moves) assert(Math.abs(x - 13) < 3.01 && Math.abs(y - 14) < 3.01);
  const mean = moves.reduce((sum, { x }) => sum + x - 13, 0) / 300;
  assert(Math.abs(mean) < 4 * 3 / Math.sqrt(3 * 300), `${mean}`);
  assert(Math.max(...moves.map(({ x }) => x)) > 15.5);
});

Deno.test("rotations turn about the middle by at most their angle", () => {
  const radius = 8,
    angles = Array.from({ length: 200 }, (_, i) => {
      const { x, y } = centre(apply({ rotation: 20 }, disc(13.5 + radius, 13.5), i));
      assertAlmostEquals(Math.hypot(x - 13.5, y - 13.5), radius, 0.05);
      return Math.atan2(y - 13.5, x - 13.5) * 180 / Math.PI;
    });
  assert(Math.max(...angles) > 17 && Math.max(...angles) < 20.3);
  assert(Math.min(...angles) < -17 && Math.min(...angles) > -20.3);
});

Deno.test("scalings change the mass by the product of two factors", () => {
  const mass = centre(disc(13.5, 13.5)).mass;
  const ratios = Array.from(
    { length: 200 },
    (_, i) => centre(apply({ scaling: 0.2 }, disc(13.5, 13.5), i)).mass / mass,
  );
  assert(Math.max(...ratios) < 1.45 && Math.max(...ratios) > 1.25, `${Math.max(...ratios)}`);
  assert(Math.min(...ratios) > 0.63 && Math.min(...ratios) < 0.8, `${Math.min(...ratios)}`);
});

Deno.test("elastic deformations move neighbours alike and have the spread of Simard's field", () => {
  // A ramp shows where each pixel came from: its value is the column.
  const ramp = Float32Array.from({ length: 784 }, (_, i) => i % 28);
  const alpha = 30, sigma = 5;
  let squares = 0, steps = 0, count = 0;
  for (let index = 0; index < 60; index++) {
    const moved = apply({ elasticAlpha: alpha, elasticSigma: sigma }, ramp, index, index);
    for (let y = 8; y < 20; y++) {
      for (let x = 8; x < 20; x++, count++) {
        squares += (moved[y * 28 + x] - x) ** 2;
        steps += (moved[y * 28 + x + 1] - moved[y * 28 + x] - 1) ** 2;
      }
    }
  }
  // Uniforms on [−1, 1] have variance 1/3; a Gaussian filter leaves 1 / (4πσ²) of it.
  const expected = alpha * Math.sqrt(1 / 3 / (4 * Math.PI * sigma * sigma));
  assertAlmostEquals(Math.sqrt(squares / count), expected, 0.15 * expected);
  assert(Math.sqrt(steps / count) < 0.3 * expected);
});

Deno.test("an image's distortion depends on seed, epoch and index alone", () => {
  const options = { shift: 2, rotation: 10, elasticAlpha: 30 }, image = disc(10, 12);
  const map = augment({ ...options, seed: 3, epoch: 4 });
  const example = { image, label: 1, index: 9 };
  assertEquals(map(example), { ...example, image: apply(options, image, 9, 4) });
  map({ ...example, index: 2 });
  assertEquals(map(example).image, apply(options, image, 9, 4));
  for (const other of [apply(options, image, 8, 4), apply(options, image, 9, 5)]) {
    assert(other.some((v, i) => v !== map(example).image[i]));
  }
  assertThrows(
    () => map({ ...example, image: new Float32Array(10) }),
    RangeError,
    "28 × 28 pixels, got 10",
  );
});

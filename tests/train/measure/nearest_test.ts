import { assertAlmostEquals, assertEquals } from "@std/assert";
import { fillUniform } from "../../../src/math/random.ts";
import { floatExamples } from "../../../train/data/examples.ts";
import { nearestDistances } from "../../../train/measure/nearest.ts";

function uniform(length: number, chain: number): Float32Array {
  const out = new Float32Array(length);
  fillUniform(out, { seed: 5, chain, step: 0, layer: 90 });
  return out;
}

Deno.test("distances to the nearest training image are those of plain loops, over several parts", async () => {
  const size = 37, images = uniform(5 * size, 0), rows = uniform(4100 * size, 1);
  rows.set(images.subarray(2 * size, 3 * size), 4050 * size); // in the last part, a copy of one
  const train = floatExamples(rows, new Uint8Array(4100), size);
  const distances = await nearestDistances(images, train);
  for (let i = 0; i < 5; i++) {
    let nearest = Infinity;
    for (let t = 0; t < 4100; t++) {
      let square = 0;
      for (let j = 0; j < size; j++) square += (images[i * size + j] - rows[t * size + j]) ** 2;
      nearest = Math.min(nearest, Math.sqrt(square));
    }
    assertAlmostEquals(distances[i], nearest, 2e-3);
  }
  assertEquals(distances[2] < 2e-3, true);
});

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { binarize, Dataset, type Example, flattenImage } from "../../src/data/dataset.ts";

const examples = Dataset.from<Example>(10, (index) => ({
  image: new Uint8Array(4).fill(25 * index),
  label: index % 3,
  index,
}));

Deno.test("a shuffle is a permutation that depends on seed and epoch alone", () => {
  fc.assert(fc.property(fc.nat(1000), fc.nat(5), (seed, epoch) => {
    const order = examples.shuffle({ seed, epoch }).toArray().map(({ index }) => index);
    assertEquals([...order].sort((a, b) => a - b), [...Array(10).keys()]);
    assertEquals(examples.shuffle({ seed, epoch }).toArray().map(({ index }) => index), order);
  }));
});

Deno.test("iterating twice gives the same sequence", async () => {
  const pipeline = examples.map(flattenImage()).shuffle({ seed: 1 }).take(5);
  const collect = async () => {
    const all = [];
    for await (const example of pipeline) all.push(example);
    return all;
  };
  assertEquals(await collect(), await collect());
  assertEquals((await collect()).length, 5);
});

Deno.test("take and skip split a dataset", () => {
  for (const n of [0, 3, 10, 12]) {
    const both = [...examples.take(n).toArray(), ...examples.skip(n).toArray()];
    assertEquals(both, examples.toArray());
  }
});

Deno.test("batches hold every example once, the last one smaller or dropped", () => {
  const batches = examples.map(flattenImage()).batch(4).toArray();
  assertEquals(batches.map(({ size }) => size), [4, 4, 2]);
  assertEquals(batches.map(({ images }) => images.length), [16, 16, 8]);
  assertEquals(
    batches.flatMap(({ labels }) => [...labels]),
    examples.toArray().map(({ label }) => label),
  );
  assertEquals(examples.batch(4, { dropRemainder: true }).size, 2);
});

Deno.test("flattenImage divides by the divisor", () => {
  const [example] = examples.skip(4).map(flattenImage({ divisor: 200 })).toArray();
  assertEquals([...example.image], [0.5, 0.5, 0.5, 0.5]);
  for (const divisor of [0, -1, NaN, Infinity]) {
    assertThrows(() => flattenImage({ divisor }), RangeError, `got ${divisor}`);
  }
});

Deno.test("binarize by threshold gives 0 and 1", () => {
  const [example] = examples.skip(6).map(flattenImage()).map(binarize()).toArray();
  assertEquals([...example.image], [1, 1, 1, 1]);
  const [higher] = examples.skip(6).map(flattenImage()).map(binarize({ threshold: 0.6 })).toArray();
  assertEquals([...higher.image], [0, 0, 0, 0]);
});

Deno.test("stochastic binarize has the right mean and does not depend on the order", () => {
  const gray = Dataset.from<Example>(500, (index) => ({
    image: new Float32Array(100).fill(0.3),
    label: 0,
    index,
  }));
  const sampled = gray.map(binarize({ stochastic: true, seed: 4 }));
  const all = sampled.toArray();
  const mean =
    all.reduce((sum, { image }) => sum + (image as Float32Array).reduce((a, b) => a + b), 0) /
    50000;
  assert(Math.abs(mean - 0.3) < 4 * Math.sqrt(0.21 / 50000), `mean ${mean}`);
  for (const { image, index } of sampled.shuffle({ seed: 9 }).take(20).toArray()) {
    assertEquals(image, all[index].image);
  }
});

Deno.test("counts out of range are refused", () => {
  assertThrows(() => examples.take(-1), RangeError, "got -1");
  assertThrows(() => examples.skip(1.5), RangeError, "got 1.5");
  assertThrows(() => examples.batch(0), RangeError, "[1, 4294967296], got 0");
});

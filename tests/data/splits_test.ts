import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checkDisjoint, parseSplit } from "../../src/data/splits.ts";
import { presets } from "../../train/recipes/presets.ts";

Deno.test("split slices partition a split", () => {
  const sizes = { train: 60000, test: 10000 };
  fc.assert(fc.property(fc.integer({ min: 1, max: 59999 }), (cut) => {
    const [head] = parseSplit(`train[:${cut}]`, sizes),
      [tail] = parseSplit(`train[${cut}:]`, sizes);
    assertEquals([head.from, head.to, tail.from, tail.to], [0, cut, cut, 60000]);
    assertEquals(parseSplit(`train[-${cut}:]`, sizes)[0].from, 60000 - cut);
  }));
  fc.assert(fc.property(fc.integer({ min: 1, max: 99 }), (percent) => {
    const [head] = parseSplit(`test[:${percent}%]`, sizes);
    const [tail] = parseSplit(`test[${percent}%:]`, sizes);
    assertEquals(head.to, tail.from);
    assertEquals(tail.to, 10000);
  }));
  assertEquals(parseSplit("test + train[5:10]", sizes).length, 2);
});

Deno.test("a fraction parts data of any size, and MNIST where an index does", () => {
  const share = fc.integer({ min: 1, max: 99 }).chain((whole) =>
    fc.record({
      whole: fc.constant(whole),
      value: fc.integer({ min: 0, max: whole }),
      size: fc.integer({ min: 1, max: 100_000 }),
    })
  );
  fc.assert(fc.property(share, ({ value, whole, size }) => {
    const cut = Math.round(value * size / whole);
    const sizes = { train: size };
    fc.pre(cut > 0 && cut < size);
    assertEquals(parseSplit(`train[:${value}/${whole}]`, sizes)[0], {
      split: "train",
      from: 0,
      to: cut,
    });
    assertEquals(parseSplit(`train[${value}/${whole}:]`, sizes)[0].from, cut);
  }));
  const mnist = { train: 60000 };
  assertEquals(parseSplit("train[:11/12]", mnist), parseSplit("train[:55000]", mnist));
  assertEquals(parseSplit("train[11/12:]", mnist), parseSplit("train[55000:]", mnist));
  assertEquals(parseSplit("train[-1/4:]", { train: 1000 })[0].from, 750);
  assertEquals(parseSplit("train[-10%:]", { train: 1000 })[0].from, 900);
});

Deno.test("the preset quick parts 7 to 100,000 images into all of them, none twice", () => {
  const { split, validation } = presets.quick;
  for (const size of [7, 100, 1000, 60_000, 99_999, 100_000]) {
    const sizes = { train: size, test: 10 };
    checkDisjoint({ split, validation }, sizes);
    const [trained] = parseSplit(split, sizes), [heldOut] = parseSplit(validation, sizes);
    assertEquals([trained.from, trained.to, heldOut.to], [0, heldOut.from, size]);
  }
});

Deno.test("held-out examples that are trained on too are refused", () => {
  const sizes = { train: 60000, test: 10000 };
  for (
    const [split, validation, shared] of [
      ["train", "train[50000:]", 10000],
      ["train[:300]", "train[299:301]", 1],
      ["train[:100]+train[200:300]", "test+train[250:]", 50],
      ["train[:90%]", "train[-11%:]", 600],
    ] as const
  ) {
    const error = assertThrows(() => checkDisjoint({ split, validation }, sizes), RangeError);
    assert(error.message.includes(`"${validation}", which shares ${shared}`), error.message);
  }
  for (
    const [split, validation] of [
      ["train", ""],
      ["train", "test"],
      ["train[:300]", "train[300:400]"],
      ["train[5:]", "train[:5]"],
    ]
  ) checkDisjoint({ split, validation }, sizes);
});

for (
  const [split, message] of [
    ["", "write it as"],
    ["train[", "write it as"],
    ["train[5]", "write it as"],
    ["train[a:b]", "write it as"],
    ["train[1.5:]", "write it as"],
    ["valid", "splits are train, test, got valid"],
    ["constructor", "splits are train, test"],
    ["train[:60001]", "[-60000, 60000], got 60001"],
    ["train[-60001:]", "got -60001"],
    ["train[:101%]", "[-100%, 100%], got 101%"],
    ["train[:13/12]", "[-1, 1], got 13/12"],
    ["train[:1/0]", "[-1, 1], got 1/0"],
    ["train[1/:]", "write it as"],
    ["train[:1/-2]", "write it as"],
    ["train[1/3:2/6]", "holds no example (20000 to 20000)"],
    ["train[5:5]", "holds no example (5 to 5)"],
    ["train[9:3]", "(9 to 3)"],
    ["train+", "write it as"],
  ]
) {
  Deno.test(`a split is refused: ${JSON.stringify(split)}`, () => {
    const error = assertThrows(() => parseSplit(split, { train: 60000, test: 10000 }), RangeError);
    assert(error.message.includes(message), error.message);
  });
}

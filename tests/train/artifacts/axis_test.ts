import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { errorAxis } from "../../../train/artifacts/axis.ts";

Deno.test("values over decades have a logarithmic axis with round ticks", () => {
  assertEquals(errorAxis([0.5, 7, 20]), {
    type: "log",
    domain: [0.5, 20],
    ticks: [0.5, 1, 2, 5, 10, 20],
    labels: ["0.5", "1", "2", "5", "10", "20"],
    note: "log scale",
  });
  assertEquals(errorAxis([0.002, 30]).ticks, [0.01, 0.1, 1, 10]);
  const wide = errorAxis([1e-9, 2e6]); // 15 decades: every other power of ten
  assertEquals(wide.ticks, [1e-8, 1e-6, 1e-4, 1e-2, 1, 100, 1e4, 1e6]);
  assertEquals(wide.labels, ["1e-8", "1e-6", "1e-4", "0.01", "1", "100", "10000", "1e+6"]);
});

Deno.test("a zero has a tick of its own at the foot of a logarithmic axis, and the axis says so", () => {
  assertEquals(errorAxis([10, 0, 1]), {
    type: "log",
    domain: [0.5, 10],
    ticks: [0.5, 1, 2, 3, 4, 5, 7, 10],
    labels: ["0", "1", "2", "3", "4", "5", "7", "10"],
    note: "log scale, 0 at its foot",
  });
});

Deno.test("values that are alike, equal or all zero have a linear axis", () => {
  assertEquals(errorAxis([2, 3, 4]), { type: "linear", note: "" });
  assertEquals(errorAxis([2]).domain, [0, 2.1]);
  assertEquals(errorAxis([0, 0]).domain, [0, 1]);
  assertEquals(errorAxis([0, 2]), { type: "linear", note: "" });
});

Deno.test("an axis holds every value, and its ticks rise within it", () => {
  const value = fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e6, noNaN: true }));
  fc.assert(fc.property(fc.array(value, { minLength: 1 }), (values) => {
    const { domain, ticks, labels } = errorAxis(values);
    if (!domain) return;
    const [low, high] = domain;
    assert(values.every((x) => x === 0 || (low <= x && x <= high)), `${domain} holds ${values}`);
    assertEquals(ticks?.length, labels?.length);
    ticks?.forEach((tick, i) => {
      assert(low <= tick && tick <= high && (i === 0 || tick > ticks[i - 1]), `${ticks}`);
    });
  }));
});

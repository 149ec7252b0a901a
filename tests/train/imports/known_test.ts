/**
 * Parameters that PyTorch, Keras and scikit-learn have written, with their numbers, by
 * `python tests/judges/imports.py tests/train/imports/known --known`.
 */
import { assert, assertEquals } from "@std/assert";
import { compareCase, readCases } from "./cases.ts";

const directory = new URL("known", import.meta.url).pathname;
const cases = await readCases(directory);

Deno.test("every program is among the known cases", () => {
  const sources = [...new Set(cases.map(({ from }) => from))].sort();
  assertEquals(sources, ["keras", "pytorch", "scikit-learn"]);
});

for (const known of cases) {
  Deno.test(`what ${known.from} says of ${known.file}, ours says after import`, async () => {
    for (const { what, largest } of await compareCase(directory, known)) {
      assert(largest <= 1e-5, `${what}: ${largest}`);
    }
  });
}

Deno.test("a comparison tells another model's numbers apart", async () => {
  const [first, second] = cases.filter(({ from }) => from === "scikit-learn");
  const [transform] = await compareCase(directory, {
    ...first,
    hidden: first.hidden.map((row, i) => row.map((p, j) => i === 3 && j === 2 ? p + 1e-4 : p)),
  });
  assert(transform.largest > 1e-5, String(transform.largest));
  assert(first.file !== second.file);
});

import { assert, assertEquals, assertThrows } from "@std/assert";
import { readDeclarations } from "../../src/kernels/abi.ts";
import { buildLayouts, readSources } from "../../src/kernels/build.ts";
import { LayerCall, PANEL } from "../../src/kernels/generated/abi.ts";
import * as abi from "../../src/kernels/generated/abi.ts";
import { Arena } from "../../src/kernels/runtime/arena.ts";
import { allocateStruct, pack, pickFields, place } from "../../src/kernels/runtime/pack.ts";
import type { Layout } from "../../src/kernels/runtime/pack.ts";

Deno.test("the committed generated/abi.ts is what the compiler makes of the source", async () => {
  const built = await buildLayouts(await readSources());
  const generated = new URL("../../src/kernels/generated/abi.ts", import.meta.url);
  const committed = await Deno.readTextFile(generated);
  const plain = (text: string) => text.replace(/\s+/g, "");
  assert(plain(built) === plain(committed), "run `deno task kernels` and commit what it writes");
});

Deno.test("every struct of assembly/ has a layout, whose fields do not overlap", async () => {
  const structs = readDeclarations(await readSources()).filter(({ kind }) => kind === "struct");
  assert(structs.length >= 4);
  for (const { name, members } of structs) {
    const layout = (abi as unknown as Record<string, Layout>)[name];
    const fields = Object.entries(layout.fields);
    assertEquals(fields.map(([field]) => field), members.map((member) => member.name));
    let end = 0;
    for (const [field, [type, offset]] of fields) {
      assert(
        offset >= end,
        `${name}.${field} begins at ${offset}, the field before ends at ${end}`,
      );
      end = offset + (type === "f64" ? 8 : 4);
    }
    assert(end <= layout.bytes);
  }
});

Deno.test("two structs of one name are refused, with both files", () => {
  const source = "@unmanaged\nexport class A {\n  x: i32;\n}\n";
  assertThrows(
    () => readDeclarations(new Map([["a.ts", source], ["b/c.ts", source]])),
    Error,
    "A is declared in a.ts and b/c.ts",
  );
});

const call = { barrier: 4, out: 128, x: 256, weights: 384, scale: 0, widened: 0, bias: 512 };
const sizes = { batch: 1, inputs: 2, xStride: 2, stride: PANEL, activation: 0 };

Deno.test("pack writes every field where the kernel reads it", () => {
  const arena = new Arena();
  const address = place(arena, LayerCall, { ...call, ...sizes, inverseTemperature: 0.5 });
  const words = arena.integers(address, LayerCall.bytes / 4);
  const floats = arena.floats(address, LayerCall.bytes / 4);
  assertEquals(words[LayerCall.fields.out[1] / 4], 128);
  assertEquals(words[LayerCall.fields.stride[1] / 4], PANEL);
  assertEquals(floats[LayerCall.fields.inverseTemperature[1] / 4], 0.5);
});

Deno.test("pack refuses a number that its field cannot hold, by name, bound and value", () => {
  const arena = new Arena(), address = allocateStruct(arena, LayerCall);
  const values = { ...call, ...sizes, inverseTemperature: 1 };
  for (const [batch, said] of [[NaN, "NaN"], [1.5, "1.5"], [2 ** 32, "4294967296"]] as const) {
    assertThrows(
      () => pack(arena, LayerCall, address, { ...values, batch }),
      RangeError,
      `LayerCall.batch: it must be an integer in [-2147483648, 4294967295], got ${said}`,
    );
  }
  assertThrows(() => pack(arena, LayerCall, address, { ...values, out: -4 }), RangeError, "got -4");
  for (const out of [130, NaN]) {
    assertThrows(
      () => pack(arena, LayerCall, address, { ...values, out }),
      RangeError,
      `LayerCall.out: an address must be a multiple of 4, got ${out}`,
    );
  }
});

Deno.test("a missing or unknown field is a type error", () => {
  const typeChecks = (arena: Arena) => {
    place(arena, LayerCall, { ...call, ...sizes, inverseTemperature: 1 });
    // @ts-expect-error: inverseTemperature is missing
    place(arena, LayerCall, { ...call, ...sizes });
    // @ts-expect-error: there is no field temperature
    place(arena, LayerCall, { ...call, ...sizes, inverseTemperature: 1, temperature: 1 });
    // @ts-expect-error: a buffer is not a number
    place(arena, LayerCall, { ...call, ...sizes, inverseTemperature: new Float32Array(1) });
  };
  assertEquals(typeof typeChecks, "function"); // checked by the compiler
});

Deno.test("hyper-parameters pass through by the names that a struct has", () => {
  const given = { inverseTemperature: 2, activation: 1, unknown: 3 };
  assertEquals(pickFields(LayerCall, given), { inverseTemperature: 2, activation: 1 });
});

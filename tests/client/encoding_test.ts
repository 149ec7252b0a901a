/** What the typed client writes is what the service reads, for any options and images. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { imageBody } from "../../src/client/images.ts";
import { pathOf } from "../../src/client/options.ts";
import { type Parameter, readQuery } from "../../src/http/query.ts";

const integer = (min: number, max: number) => ({ kind: "integer", min, max }) as const;
const table = {
  label: integer(0, 9),
  n: integer(1, 100),
  steps: integer(1, 10_000),
  seed: integer(0, Number.MAX_SAFE_INTEGER),
  burnIn: integer(0, 9_999),
  thin: integer(1, 10_000),
  temperature: { kind: "number", min: 0.05, max: 20 },
  start: { kind: "choice", values: ["noise", "mean", "label"] },
  scale: integer(1, 8),
  format: { kind: "choice", values: ["png", "json", "sse"] },
  version: integer(1, 2 ** 31 - 1),
} as const satisfies Record<string, Parameter>;

/** Any value that a parameter takes. */
function valueOf(parameter: Parameter): fc.Arbitrary<string | number> {
  if (parameter.kind === "choice") return fc.constantFrom(...parameter.values);
  const { kind, min, max } = parameter;
  return kind === "integer" ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true });
}

const options = fc.record(
  Object.fromEntries(Object.entries(table).map(([name, row]) => [name, valueOf(row)])),
  { requiredKeys: [] },
);

Deno.test("any options of a generation are read by the service as they were given", () => {
  fc.assert(fc.property(options, (given) => {
    const url = new URL(pathOf("generate", given), "http://localhost");
    const queries = Object.fromEntries(
      [...new Set(url.searchParams.keys())].map((name) => [name, url.searchParams.getAll(name)]),
    );
    assertEquals({ ...readQuery(queries, table) }, { ...given });
  }));
});

Deno.test("what is no parameter of a path stays out of its query", () => {
  const all = { label: 3, version: 2, token: "secret", signal: 1, timeoutMs: 5, maxRetries: 1 };
  assertEquals(pathOf("generate", all), "generate?label=3&version=2");
  assertEquals(pathOf("classify", all), "classify?version=2");
  assertEquals(pathOf("model", { ...all, version: undefined }), "model");
  assertEquals(pathOf("health/ready", all), "health/ready");
});

Deno.test("any floats and numbers arrive in JSON as the 32-bit floats that they are", () => {
  const floats = fc.float32Array({ min: 0, max: 1, noNaN: true, minLength: 1, maxLength: 50 });
  fc.assert(fc.property(floats, fc.boolean(), (pixels, isArray) => {
    const { type, body } = imageBody(isArray ? Array.from(pixels) : pixels, undefined);
    const sent = JSON.parse(body as string);
    assertEquals([type, sent.divisor], ["application/json", 1]);
    assertEquals(sent.pixels.map((image: number[]) => Float32Array.from(image)), [
      pixels.map((pixel) => pixel + 0), // JSON has no −0
    ]);
  }));
});

Deno.test("any bytes arrive as they are, one image or several", () => {
  const images = fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { minLength: 1 });
  fc.assert(fc.property(images, (batch) => {
    const { type, body } = imageBody(batch, undefined);
    assertEquals(type, "application/octet-stream");
    assertEquals(Array.from(body as Uint8Array), batch.flatMap((image) => Array.from(image)));
  }));
});

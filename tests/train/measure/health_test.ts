import { assert, assertEquals } from "@std/assert";
import {
  chanceWarnings,
  dataWarnings,
  inspectLayer,
  inspectNetwork,
  type LayerParameters,
} from "../../../train/measure/health.ts";

const context = { stage: "rbm1", learningRate: "stack.learningRate (0.1)" };

/** Rows 0 … 9 of the unit matrix. */
const cases = Float32Array.from({ length: 100 }, (_, i) => i % 11 === 0 ? 1 : 0);

/** Ten units, each of which sees one input with this weight and none of the others. */
function diagonal(weight: number, bias: number): LayerParameters {
  const weights = cases.map((x) => x * weight);
  return { inputSize: 10, weights, bias: new Float32Array(10).fill(bias) };
}

async function kinds(layer: LayerParameters, inputs = cases, scaled = true): Promise<string[]> {
  const { warnings } = await inspectLayer(layer, inputs, { ...context, scaled });
  return warnings.map(({ kind }) => kind);
}

Deno.test("a layer whose units vary is warned of by nothing, and its outputs are σ(c + vW)", async () => {
  const { outputs, warnings } = await inspectLayer(diagonal(3, -1), cases, context);
  assertEquals(warnings, []);
  for (let i = 0; i < 100; i++) {
    const expected = 1 / (1 + Math.exp(1 - 3 * cases[i]));
    assert(Math.abs(outputs[i] - expected) < 1e-6, `${outputs[i]} for ${expected}`);
  }
});

Deno.test("weights above 20 are warned of, and not where they are normalized", async () => {
  assertEquals(await kinds(diagonal(19, -1)), []);
  assertEquals(await kinds(diagonal(-21, 1)), ["exploding weights"]);
  assertEquals(await kinds(diagonal(21, -1), cases, false), []);
});

Deno.test("a layer is constant from nine units in ten, and its cause is told", async () => {
  const cause = async (layer: LayerParameters, inputs = cases) => {
    const { warnings: [{ kind, message }] } = await inspectLayer(layer, inputs, context);
    assertEquals(kind, "constant layer");
    return message;
  };
  const dead = diagonal(3, -12),
    alive = (units: number) => {
      const bias = dead.bias.slice().fill(-1, 0, units);
      return { ...dead, bias };
    };
  assert((await cause(dead)).includes("biases hold them at 0 or 1"));
  assert((await cause(alive(1))).startsWith("9 of 10 units"));
  assertEquals(await kinds(alive(2)), []);
  assert((await cause(diagonal(0.001, 0))).includes("hardly left 0"));
  assert((await cause(diagonal(3, 0), new Float32Array(100))).includes("its inputs are too"));
});

Deno.test("ReLUs are constant where all are 0, however small they are elsewhere", async () => {
  const relu = (weight: number, bias: number) =>
    ({ ...diagonal(weight, bias), activation: "relu" }) as const;
  assertEquals(await kinds(relu(3, -4)), ["constant layer"]);
  assertEquals(await kinds(relu(0.001, 0)), []);
});

Deno.test("a layer is saturated where most activations are 0 or 1 within a millionth", async () => {
  // Each row has one unit at σ(bias + 19) and nine at σ(bias).
  assertEquals(await kinds(diagonal(19, -15)), ["saturated units"]);
  assertEquals(await kinds(diagonal(19, -13)), []);
});

Deno.test("each hidden layer of a network is named, its output layer left out", async () => {
  const layer = ({ inputSize, weights, bias }: LayerParameters) => ({
    inputSize,
    outputSize: 10,
    kernel: weights,
    bias,
  });
  const network = [diagonal(6, -3), diagonal(30, -15), diagonal(99, 0)].map(layer);
  const found = await inspectNetwork(network, cases, { ...context, stage: "classifier" });
  assertEquals(found.map(({ stage, kind }) => [stage, kind]), [
    ["classifier layer 2", "exploding weights"],
  ]);
});

Deno.test("data are faint up to 1/255, as a float32 too", () => {
  const message = (high: number) =>
    dataWarnings({ low: 0, high }).map((warning) => warning.message);
  assert(message(Math.fround(1 / 255))[0].includes("--divisor 1"));
  assert(message(0)[0].includes("blank"));
  assertEquals(message(2 / 255), []);
});

Deno.test("an error is at chance within three standard errors of the commonest class", () => {
  const labels = Uint8Array.from({ length: 100 }, (_, i) => i < 60 ? 3 : 4); // chance: 40 ± 4.9 %
  const warns = (metrics: Record<string, number>, validation?: Uint8Array) =>
    chanceWarnings(metrics, { train: labels, validation }, context).length === 1;
  assert(warns({ error_percent: 40 }) && warns({ error_percent: 26 }));
  assert(!warns({ error_percent: 25 }));
  assert(warns({ accuracy: 0.6 }) && !warns({ accuracy: 0.9 }));
  assert(warns({ error_percent: 0, val_error_percent: 40 }, labels), "held-out errors come first");
  assert(!warns({ error_percent: 0 }, new Uint8Array(100)), "one class alone says nothing");
  assert(!warns({}) && !warns({ reconstruction_error: 7 }));
});

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { fillNormal } from "../../src/math/random.ts";
import {
  type DenseParameters,
  type NetworkStep,
  optimizers,
  TrainingNetwork,
} from "../../src/kernels/network.ts";
import { hiddenActivations } from "../../src/model/dbn.ts";
import { Team } from "../../src/kernels/team.ts";
import { program } from "../../src/kernels/training_wasm.ts";
import { PlainNetwork } from "./plain_network.ts";

const teams = [1, 2, 3].map((workers) => new Team(workers, program));
for (const team of teams) await team.start();

function network(sizes: number[], scale = 0.5): DenseParameters[] {
  return sizes.slice(1).map((outputSize, l) => {
    const inputSize = sizes[l];
    return {
      inputSize,
      outputSize,
      kernel: normal(inputSize * outputSize, 2 * l).map((x) => scale * x),
      bias: normal(outputSize, 2 * l + 1).map((x) => 0.1 * x),
    };
  });
}

function normal(count: number, layer: number): Float32Array {
  const out = new Float32Array(count);
  fillNormal(out, { seed: 5, chain: 0, step: 0, layer });
  return out;
}

function batchOf(rows: number, inputSize: number, labelSize: number, i = 0) {
  return {
    inputs: normal(rows * inputSize, 90 + i).map((x) => x < 0 ? 0 : x),
    labels: Uint8Array.from({ length: rows }, (_, row) => (3 * row + i) % labelSize),
  };
}

const plain: Omit<NetworkStep, "inputs" | "labels"> = {
  key: { seed: 7, step: 0, layer: 11 },
  inputDropout: 0,
  dropout: 0,
  optimizer: "sgd",
  learningRate: 0.05,
  momentum: 0.9,
  beta2: 0.99,
  epsilon: 1e-6,
  updates: 0,
  l1: 0,
  l2: 0,
  maxNorm: 0,
};

/** Largest difference of a network's parameters from its twin's. */
function distance(got: readonly DenseParameters[], { layers }: PlainNetwork): number {
  return Math.max(...got.flatMap(({ kernel, bias }, l) => {
    const expected = layers[l].weights.flat();
    return [...kernel, ...bias].map((x, i) => Math.abs(x - expected[i]));
  }));
}

Deno.test("gradients of odd sizes are the twin's, the same bits for any number of workers", () => {
  let largest = 0;
  for (const sizes of [[1, 1, 2], [3, 31, 33, 5], [33, 65, 2, 10], [70, 40, 34]]) {
    for (const activation of hiddenActivations) {
      for (const rows of [1, 3, 4, 9]) {
        const start = network(sizes), twin = new PlainNetwork(start, activation);
        const { inputs, labels } = batchOf(rows, sizes[0], sizes.at(-1)!);
        const expected = twin.gradients(inputs, labels);
        const results = teams.map((team) => {
          const release = team.arena.mark();
          const trained = new TrainingNetwork(team, start, { maxRows: 9, activation });
          const result = trained.gradients(inputs, labels);
          release();
          return result;
        });
        for (const result of results) assertEquals(result, results[0]);
        assertAlmostEquals(results[0].loss, expected.loss, 1e-5);
        results[0].gradients.forEach((part, i) => {
          const rowsOf = expected.gradients[i >> 1];
          const plainPart = (i % 2 ? rowsOf.slice(-1) : rowsOf.slice(0, -1)).flat();
          part.forEach((g, j) => largest = Math.max(largest, Math.abs(g - plainPart[j])));
        });
      }
    }
  }
  assert(largest < 3e-6, `${largest}`);
});

Deno.test("gradients are those of finite differences", () => {
  const start = network([4, 6, 3]), { inputs, labels } = batchOf(5, 4, 3);
  for (const activation of hiddenActivations) {
    const twin = new PlainNetwork(start, activation);
    const release = teams[0].arena.mark();
    const { gradients } = new TrainingNetwork(teams[0], start, { maxRows: 5, activation })
      .gradients(inputs, labels);
    release();
    twin.layers.forEach(({ weights }, l) => {
      weights.forEach((row, i) => {
        row.forEach((w, o) => {
          const loss = (x: number) => (row[o] = x, twin.gradients(inputs, labels).loss);
          const slope = (loss(w + 1e-5) - loss(w - 1e-5)) / 2e-5;
          row[o] = w;
          const isBias = i === weights.length - 1;
          const got = isBias ? gradients[2 * l + 1][o] : gradients[2 * l][i * row.length + o];
          assertAlmostEquals(got, slope, 2e-6);
        });
      });
    });
  }
});

const variants: Record<string, Partial<NetworkStep>> = {
  ...Object.fromEntries(optimizers.map((optimizer) => [optimizer, { optimizer }])),
  "L1 and L2 penalties": { l1: 0.01, l2: 0.1 },
  "dropout": { dropout: 0.4, inputDropout: 0.25 },
  "a bound on norms": { maxNorm: 0.7, learningRate: 0.5 },
  "all together": { optimizer: "nesterov", dropout: 0.3, l2: 0.05, maxNorm: 2 },
};

for (const [name, variant] of Object.entries(variants)) {
  Deno.test(`training with ${name} is the twin's, the same bits for any number of workers`, () => {
    const sizes = [35, 40, 33, 4];
    for (const activation of hiddenActivations) {
      const start = network(sizes, 0.2), twin = new PlainNetwork(start, activation);
      const trained = teams.map((team) =>
        new TrainingNetwork(team, start, { maxRows: 7, activation })
      );
      for (let i = 0; i < 4; i++) {
        const step = {
          ...plain,
          ...variant,
          ...batchOf(i === 3 ? 5 : 7, sizes[0], 4, i),
          key: { seed: 7, step: i, layer: 11 },
          updates: i,
        };
        const loss = twin.step(step);
        for (const one of trained) assertAlmostEquals(one.step(step).loss, loss, 1e-4);
      }
      const results = trained.map((one) => [one.parameters(), ...one.states()]);
      for (const result of results) assertEquals(result, results[0]);
      const off = distance(trained[0].parameters(), twin);
      assert(off < 2e-5, `${name}, ${activation}: ${off}`);
    }
  });
}

Deno.test("the kernels write nowhere beside a network's memory", () => {
  const GUARD = 12345.678;
  for (const team of teams) {
    for (const sizes of [[1, 1, 2], [3, 31, 33, 5], [65, 2, 33]]) {
      for (const rows of [1, 3, 5]) {
        const release = team.arena.mark();
        const before = team.arena.place(new Float32Array(256).fill(GUARD));
        const trained = new TrainingNetwork(team, network(sizes), {
          maxRows: 5,
          activation: "relu",
        });
        const after = team.arena.place(new Float32Array(256).fill(GUARD));
        const batch = batchOf(rows, sizes[0], sizes.at(-1)!);
        trained.step({ ...plain, ...batch, dropout: 0.5, inputDropout: 0.5, maxNorm: 0.1 });
        trained.scores(batch.inputs);
        for (const guard of [before, after]) {
          assert(team.arena.floats(guard, 256).every((x) => x === Math.fround(GUARD)));
        }
        release();
      }
    }
  }
});

Deno.test("scores of a batch are those without dropout", () => {
  const sizes = [35, 40, 4], start = network(sizes), { inputs } = batchOf(6, 35, 4);
  const trained = teams.map((team) =>
    new TrainingNetwork(team, start, { maxRows: 6, activation: "sigmoid" })
  );
  const scores = trained.map((one) => one.scores(inputs));
  for (const result of scores) assertEquals(result, scores[0]);
  const hidden = (row: number, j: number) => {
    const { kernel, bias } = start[0];
    let sum = bias[j];
    for (let i = 0; i < 35; i++) sum += inputs[row * 35 + i] * kernel[i * 40 + j];
    return 1 / (1 + Math.exp(-sum));
  };
  for (let row = 0; row < 6; row++) {
    for (let y = 0; y < 4; y++) {
      let sum = start[1].bias[y];
      for (let j = 0; j < 40; j++) sum += hidden(row, j) * start[1].kernel[j * 4 + y];
      assertAlmostEquals(scores[0][row * 4 + y], sum, 1e-5);
    }
  }
});

Deno.test("a batch that is not whole rows, too large or of unknown labels is refused", () => {
  const trained = new TrainingNetwork(teams[0], network([3, 4, 2]), {
    maxRows: 4,
    activation: "relu",
  });
  assertThrows(
    () => trained.gradients(new Float32Array(5), Uint8Array.of(0)),
    RangeError,
    "rows of 3",
  );
  assertThrows(
    () => trained.gradients(new Float32Array(15), new Uint8Array(5)),
    RangeError,
    "1 to 4 rows of 3, got 15 numbers",
  );
  assertThrows(
    () => trained.gradients(new Float32Array(3), Uint8Array.of(2)),
    RangeError,
    "below 2, got 2",
  );
});

Deno.test("adversarial inputs go up the loss, by finite differences, for any number of workers", () => {
  const reach = 0.01, h = 1e-3;
  for (const sizes of [[3, 31, 33, 5], [33, 65, 2, 10], [70, 40, 34]]) {
    for (const activation of hiddenActivations) {
      const start = network(sizes), { inputs, labels } = batchOf(5, sizes[0], sizes.at(-1)!);
      const clipped = inputs.map((x) => Math.min(1, x));
      const trained = teams.map((team) =>
        new TrainingNetwork(team, start, { maxRows: 5, activation })
      );
      const moved = trained.map((one) => one.adversarial(clipped, labels, reach));
      assertEquals(moved[1], moved[0]);
      assertEquals(moved[2], moved[0]);
      const twin = new PlainNetwork(start, activation);
      const lossAt = (i: number, x: number) => {
        const changed = clipped.slice();
        changed[i] = x;
        return twin.gradients(changed, labels).loss;
      };
      let checked = 0;
      clipped.forEach((x, i) => {
        const slope = (lossAt(i, x + h) - lossAt(i, x - h)) / (2 * h);
        if (Math.abs(slope) < 1e-4) return;
        const expected = Math.max(0, Math.min(1, x + Math.sign(slope) * reach));
        assertAlmostEquals(moved[0][i], expected, 1e-6, `${sizes} ${activation} ${i}`);
        checked++;
      });
      assert(checked > clipped.length / 4, `${checked} of ${clipped.length}`);
      assertEquals(trained[0].parameters(), start.map((layer) => ({ ...layer })));
    }
  }
});

Deno.test("adversarial training learns from half of the batch moved, the other as it is", () => {
  const sizes = [33, 40, 10], start = network(sizes), { inputs, labels } = batchOf(5, 33, 10);
  const clipped = inputs.map((x) => Math.min(1, x)), half = 2 * 33;
  for (const team of teams) {
    const release = team.arena.mark();
    const make = () => new TrainingNetwork(team, start, { maxRows: 5, activation: "sigmoid" });
    const one = make(), other = make();
    one.step({ ...plain, inputs: clipped, labels, adversarialReach: 0.2 });
    const mixed = clipped.slice();
    mixed.set(other.adversarial(clipped, labels, 0.2).subarray(0, half));
    other.step({ ...plain, inputs: mixed, labels });
    assertEquals(one.parameters(), other.parameters());
    release();
  }
});

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { fillNormal, fillUniform } from "../../src/math/random.ts";
import { networkStreams, stageStreamOf } from "../../src/math/streams.ts";
import {
  type DenseParameters,
  type NetworkStep,
  optimizers,
  TrainingNetwork,
} from "../../src/kernels/training/network.ts";
import { hiddenActivations } from "../../src/model/dbn.ts";
import { Team } from "../../src/kernels/runtime/team.ts";
import { program } from "../../src/kernels/generated/training.ts";
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
  key: { seed: 7, step: 0, stage: 2 },
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
          key: { seed: 7, step: i, stage: 2 },
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
          normalized: rows > 1,
        });
        const after = team.arena.place(new Float32Array(256).fill(GUARD));
        const batch = batchOf(rows, sizes[0], sizes.at(-1)!);
        const noisy = {
          noise: 0.3,
          inputNoise: 0.2,
          adversarialEpsilon: 1,
          adversarialNorm: "l2",
        } as const;
        trained.step({
          ...plain,
          ...batch,
          ...noisy,
          dropout: 0.5,
          inputDropout: 0.5,
          maxNorm: 0.1,
        });
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
  const epsilon = 0.01, h = 1e-3;
  for (const sizes of [[3, 31, 33, 5], [33, 65, 2, 10], [70, 40, 34]]) {
    for (const activation of hiddenActivations) {
      const start = network(sizes), { inputs, labels } = batchOf(5, sizes[0], sizes.at(-1)!);
      const clipped = inputs.map((x) => Math.min(1, x));
      const trained = teams.map((team) =>
        new TrainingNetwork(team, start, { maxRows: 5, activation })
      );
      const moved = trained.map((one) => one.adversarial(clipped, labels, epsilon));
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
        const expected = Math.max(0, Math.min(1, x + Math.sign(slope) * epsilon));
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
    one.step({ ...plain, inputs: clipped, labels, adversarialEpsilon: 0.2 });
    const mixed = clipped.slice();
    mixed.set(other.adversarial(clipped, labels, 0.2).subarray(0, half));
    other.step({ ...plain, inputs: mixed, labels });
    assertEquals(one.parameters(), other.parameters());
    release();
  }
});

/** Mean cross-entropy of a batch-normalized network of ReLUs or sigmoids with noise, in doubles. */
function normalizedLoss(
  layers: { kernel: number[]; bias: number[]; scale: number[] }[],
  sizes: number[],
  { inputs, labels }: { inputs: ArrayLike<number>; labels: Uint8Array },
  { activation, key, noise, inputNoise }: {
    activation: string;
    key: NetworkStep["key"];
    noise: number;
    inputNoise: number;
  },
): number {
  const { seed, step, stage } = key, rows = labels.length;
  const noiseOf = (row: number, l: number, count: number, deviation: number) => {
    const uniform = new Float32Array(count);
    const layer = stageStreamOf(stage, networkStreams.noise, l);
    fillUniform(uniform, { seed, chain: row, step, layer });
    return [...uniform].map((u) => deviation * Math.sqrt(12) * (u - 0.5));
  };
  let x = Array.from({ length: rows }, (_, row) => {
    const noises = noiseOf(row, 0, sizes[0], inputNoise);
    return noises.map((n, i) => inputs[row * sizes[0] + i] + n);
  });
  layers.forEach(({ kernel, bias, scale }, l) => {
    const outputs = sizes[l + 1], isLast = l === layers.length - 1;
    const sums = x.map((v) =>
      Array.from(
        { length: outputs },
        (_, o) => v.reduce((sum, value, i) => sum + value * kernel[i * outputs + o], 0),
      )
    );
    if (isLast) return x = sums.map((row) => row.map((s, o) => s + bias[o]));
    const noises = sums.map((_, row) => noiseOf(row, l + 1, outputs, noise));
    x = sums.map((row) => row.slice());
    for (let o = 0; o < outputs; o++) {
      const mean = sums.reduce((sum, row) => sum + row[o], 0) / rows;
      const variance = sums.reduce((sum, row) => sum + (row[o] - mean) ** 2, 0) / rows;
      sums.forEach((row, r) => {
        const z = (row[o] - mean) / Math.sqrt(variance + 1e-5) + noises[r][o];
        const y = scale[o] * z + bias[o];
        x[r][o] = activation === "relu" ? Math.max(0, y) : 1 / (1 + Math.exp(-y));
      });
    }
  });
  return x.reduce((sum, row, r) => {
    const largest = Math.max(...row);
    const total = row.reduce((t, v) => t + Math.exp(v - largest), 0);
    return sum + (largest + Math.log(total) - row[labels[r]]) / rows;
  }, 0);
}

for (const activation of hiddenActivations) {
  Deno.test(`normalized ${activation} units with noise learn along finite differences`, () => {
    const sizes = [5, 33, 7, 3], start = network(sizes), batch = batchOf(6, 5, 3), rate = 1 / 64;
    const step = { ...plain, ...batch, learningRate: rate, noise: 0.3, inputNoise: 0.2 };
    const trained = teams.map((team) =>
      new TrainingNetwork(team, start, { maxRows: 7, activation, normalized: true })
    );
    // Scales that differ, as they do later in training.
    const scales = sizes.slice(1, -1).map((size, l) =>
      normal(size, 70 + l).map((x) => 1 + 0.3 * x)
    );
    const memory = Object.fromEntries(scales.map((scale, l) => [`scale${l}`, scale]));
    for (const one of trained) one.setMemory(memory);
    const layers = start.map(({ kernel, bias }, l) => ({
      kernel: [...kernel],
      bias: [...bias],
      scale: [...scales[l] ?? []],
    }));
    const setting = { activation, key: plain.key, noise: 0.3, inputNoise: 0.2 };
    const loss = () => normalizedLoss(layers, sizes, batch, setting);
    for (const one of trained) assertAlmostEquals(one.step(step).loss, loss(), 1e-5);
    const after = trained.map((one) => [one.parameters(), one.memory()]);
    for (const result of after) assertEquals(result, after[0]);
    const parameters = trained[0].parameters(), later = trained[0].memory();
    let checked = 0;
    layers.forEach((layer, l) => {
      const now = { ...parameters[l], scale: later[`scale${l}`] ?? [] };
      for (const name of ["kernel", "bias", "scale"] as const) {
        layer[name].forEach((value, i) => {
          const at = (x: number) => (layer[name][i] = x, loss());
          const slope = (at(value + 1e-5) - at(value - 1e-5)) / 2e-5;
          layer[name][i] = value;
          assertAlmostEquals((value - now[name][i]) / rate, slope, 3e-5, `${name}${l}[${i}]`);
          if (Math.abs(slope) > 1e-3) checked++;
        });
      }
    });
    assert(checked > 100, `${checked}`);
  });
}

Deno.test("a normalized network scores as the folded one, by means that follow the batches", () => {
  const sizes = [5, 33, 3], start = network(sizes), batch = batchOf(6, 5, 3);
  const team = teams[1], options = { maxRows: 6, activation: "relu" as const };
  const trained = new TrainingNetwork(team, start, { ...options, normalized: true });
  const one = new TrainingNetwork(team, start, { ...options, normalized: true });
  trained.step({ ...plain, ...batch });
  const { mean0 } = trained.memory();
  for (let o = 0; o < 33; o++) {
    let sum = 0;
    batch.inputs.forEach((x, at) => sum += x * start[0].kernel[at % 5 * 33 + o]);
    assertAlmostEquals(mean0[o], 0.01 * sum / 6, 1e-6);
  }
  for (let i = 1; i < 20; i++) trained.step({ ...plain, ...batchOf(6, 5, 3, i) });
  const folded = new TrainingNetwork(team, trained.foldedParameters(), options);
  const scores = trained.scores(batch.inputs);
  folded.scores(batch.inputs).forEach((s, i) => assertAlmostEquals(s, scores[i], 1e-5));
  // What a checkpoint holds is enough to go on.
  one.setParameters(trained.parameters());
  one.setStates(...trained.states());
  one.setMemory(trained.memory());
  const next = { ...plain, ...batchOf(6, 5, 3, 30), optimizer: "adam" as const, updates: 20 };
  assertEquals(one.step(next), trained.step(next));
  assertEquals(one.memory(), trained.memory());
  assertThrows(
    () => one.setMemory({ scale0: new Float32Array(4) }),
    RangeError,
    "33 numbers, got 4",
  );
  assertEquals(folded.memory(), {});
});

Deno.test("a batch learnt from as it is, and then moved, is two updates with noise of their own", () => {
  const sizes = [33, 40, 10], start = network(sizes), { inputs, labels } = batchOf(5, 33, 10);
  for (const normalized of [false, true]) {
    for (const team of teams) {
      const release = team.arena.mark();
      const options = { maxRows: 5, activation: "relu" as const, normalized };
      const one = new TrainingNetwork(team, start, options);
      const other = new TrainingNetwork(team, start, options);
      const adam = { ...plain, labels, optimizer: "adam" as const, inputNoise: 0.1 };
      one.step({
        ...{ ...adam, inputs, updates: 3 },
        ...{ adversarialEpsilon: 2, adversarialNorm: "l2", adversarialCases: "after" },
      });
      other.step({ ...adam, inputs, updates: 6 });
      const { mean0, variance0 } = other.memory();
      const moved = other.adversarial(inputs, labels, 2, "l2");
      other.step({ ...adam, inputs: moved, updates: 7, key: { ...plain.key, update: 1 } });
      assertEquals(one.parameters(), other.parameters());
      // The running means are of the cases as they are.
      if (normalized) {
        assertEquals([one.memory().mean0, one.memory().variance0], [mean0, variance0]);
      }
      release();
    }
  }
});

Deno.test("adversarial inputs at a Euclidean distance go along the gradient", () => {
  const sizes = [70, 40, 34], start = network(sizes), { inputs, labels } = batchOf(5, 70, 34);
  const twin = new PlainNetwork(start, "sigmoid"), h = 1e-3, epsilon = 0.5;
  const moved = teams.map((team) =>
    new TrainingNetwork(team, start, { maxRows: 5, activation: "sigmoid" })
      .adversarial(inputs, labels, epsilon, "l2")
  );
  for (const result of moved) assertEquals(result, moved[0]);
  for (let row = 0; row < 5; row++) {
    const slopes = Array.from({ length: 70 }, (_, i) => {
      const lossAt = (x: number) => {
        const changed = inputs.slice();
        changed[row * 70 + i] = x;
        return twin.gradients(changed, labels).loss;
      };
      const x = inputs[row * 70 + i];
      return (lossAt(x + h) - lossAt(x - h)) / (2 * h);
    });
    const norm = Math.hypot(...slopes);
    slopes.forEach((slope, i) => {
      const at = row * 70 + i;
      assertAlmostEquals(moved[0][at], inputs[at] + epsilon * slope / norm, 1e-4);
    });
  }
});

Deno.test("adversarial inputs of a normalized network go along the gradient, other cases' means with it", () => {
  const sizes = [5, 33, 7, 3], start = network(sizes), { inputs, labels } = batchOf(6, 5, 3);
  const scales = sizes.slice(1, -1).map((size, l) => normal(size, 70 + l).map((x) => 1 + 0.3 * x));
  const memory = Object.fromEntries(scales.map((scale, l) => [`scale${l}`, scale]));
  const layers = start.map(({ kernel, bias }, l) => ({
    kernel: [...kernel],
    bias: [...bias],
    scale: [...scales[l] ?? []],
  }));
  for (const activation of hiddenActivations) {
    const setting = { activation, key: plain.key, noise: 0, inputNoise: 0 };
    const moved = teams.map((team) => {
      const release = team.arena.mark();
      const one = new TrainingNetwork(team, start, { maxRows: 7, activation, normalized: true });
      one.setMemory(memory);
      const before = [one.parameters(), ["scale0", "scale1"].map((name) => one.memory()[name])];
      const result = one.adversarial(inputs, labels, 0.5, "l2");
      const after = [one.parameters(), ["scale0", "scale1"].map((name) => one.memory()[name])];
      assertEquals(after, before); // it only moves inputs
      release();
      return result;
    });
    for (const result of moved) assertEquals(result, moved[0]);
    for (let row = 0; row < 6; row++) {
      const slopes = Array.from({ length: 5 }, (_, i) => {
        const at = row * 5 + i;
        const lossAt = (move: number) => {
          const changed = [...inputs];
          changed[at] += move;
          return normalizedLoss(layers, sizes, { inputs: changed, labels }, setting);
        };
        return (lossAt(1e-5) - lossAt(-1e-5)) / 2e-5;
      });
      const norm = Math.hypot(...slopes);
      slopes.forEach((slope, i) => {
        const at = row * 5 + i;
        assertAlmostEquals(moved[0][at], inputs[at] + 0.5 * slope / norm, 1e-4);
      });
    }
  }
});

Deno.test("a case that is learnt almost surely moves as any other, along the gradient", () => {
  // In f32 1 − p rounds to 0 from 17 nats on, and squares of such gradients from 44.
  const sizes = [70, 40, 34], { inputs } = batchOf(5, 70, 34), labels = new Uint8Array(5).fill(3);
  for (const nats of [10, 20, 55]) {
    const start = network(sizes);
    start.at(-1)!.bias[3] += nats;
    const moved = teams.map((team) => {
      const release = team.arena.mark();
      const one = new TrainingNetwork(team, start, { maxRows: 5, activation: "sigmoid" });
      const result = one.adversarial(inputs, labels, 0.5, "l2");
      release();
      return result;
    });
    for (const result of moved) assertEquals(result, moved[0]);
    const slopes = new PlainNetwork(start, "sigmoid").gradients(inputs, labels).inputs;
    for (let row = 0; row < 5; row++) {
      const norm = Math.hypot(...slopes[row]);
      slopes[row].forEach((slope, i) => {
        const at = row * 70 + i;
        assertAlmostEquals(moved[0][at], inputs[at] + 0.5 * slope / norm, 1e-4);
      });
    }
  }
});

/**
 * The project's own SIMD kernels: sparse Gibbs chains in one call, dense products for the rest.
 * @module
 */
import { logSumExp, softmaxRows } from "../math/activations.ts";
import { generative, type HiddenActivation, imageSize, type JointPosterior } from "../model/dbn.ts";
import type { Model } from "../format/weights.ts";
import { packRbm, runChains } from "../kernels/serving/chains.ts";
import {
  padded,
  type PlacedLayer,
  type PlacedRows,
  placeLayer,
  placeRows,
  readRows,
  runLayer,
} from "../kernels/serving/dense.ts";
import { Team } from "../kernels/runtime/team.ts";
import type { Engine } from "./engine.ts";

// B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** Bias of padding columns where a softplus is summed over them: softplus(-1000) is 0. */
const NO_UNIT = -1000;

/** An engine over `model` on the kernels. Weights are placed in memory when they are first needed. */
export function createSimdEngine({ dbn, classifier }: Pick<Model, "dbn" | "classifier">): Engine {
  const team = new Team(), { arena } = team;
  const { top, stack } = dbn;
  const place = lazily((name: string): PlacedLayer[] => {
    switch (name) {
      case "classifier":
        return classifier.map(({ kernel, bias, inputSize }) =>
          placeLayer(arena, { weights: kernel, bias, inputSize })
        );
      case "up":
        return stack.map(({ weights, hiddenBias: bias, visibleSize: inputSize }) =>
          placeLayer(arena, { weights, bias, inputSize })
        );
      case "down":
        return stack.toReversed().map(generative)
          .map(({ weights, visibleBias: bias, hiddenSize: inputSize }) =>
            placeLayer(arena, { weights, bias, inputSize, transposed: true })
          );
      case "hidden":
        return [placeLayer(arena, {
          weights: top.weights,
          bias: top.hiddenBias,
          inputSize: top.visibleSize,
          paddingBias: NO_UNIT,
        })];
      default:
        return [
          placeLayer(arena, {
            weights: top.weights,
            bias: top.visibleBias,
            inputSize: top.hiddenSize,
            transposed: true,
          }),
          placeLayer(arena, {
            weights: top.labelWeights,
            bias: top.labelBias,
            inputSize: top.hiddenSize,
            transposed: true,
          }),
        ];
    }
  });
  const labelRows = lazily(() => {
    const stride = padded(top.hiddenSize), rows = new Float32Array(top.labelSize * stride);
    for (let y = 0; y < top.labelSize; y++) {
      const row = top.labelWeights.subarray(y * top.hiddenSize, (y + 1) * top.hiddenSize);
      rows.set(row, y * stride);
    }
    return arena.place(rows);
  });
  const packed = lazily(() => packRbm(arena, top));

  /** Runs layers, each with its activation, in scratch memory. */
  const forward = (
    layers: PlacedLayer[],
    rows: PlacedRows,
    activationOf: (layer: number) => HiddenActivation | undefined,
  ) => {
    if (rows.batch > 1) team.start();
    return layers.reduce((x, layer, i) => {
      const activation = activationOf(i);
      return runLayer(team, layer, x, activation === "sigmoid" ? { temperature: 1 } : activation);
    }, rows);
  };

  /** The same from an array to an array. */
  const apply = (
    layers: PlacedLayer[],
    data: Float32Array,
    inputSize: number,
    activationOf: (layer: number) => HiddenActivation | undefined = () => "sigmoid",
  ) =>
    arena.scratch(() => {
      const rows = forward(layers, placeRows(arena, data, inputSize), activationOf);
      return readRows(arena, rows, layers.at(-1)?.outputSize ?? inputSize);
    });

  return {
    name: "simd",
    imageSize: imageSize(dbn),
    visibleSize: top.visibleSize,
    labelSize: top.labelSize,
    hiddenSize: top.hiddenSize,
    visibleMean: dbn.penultimateMean,
    hiddenGivenVisible: answer(
      (visible: Float32Array, labels: Float32Array, temperature: number) => {
        const [layer] = place("hidden"), u = labelRows("");
        return arena.scratch(() => {
          const out = runLayer(team, layer, placeRows(arena, visible, layer.inputSize));
          const logits = arena.floats(out.address, out.batch * layer.stride);
          const rows = arena.floats(u, top.labelSize * layer.stride);
          addLabelRows(logits, rows, labels, out.batch, layer.stride);
          arena.kernels.sigmoidInPlace(out.address, logits.length, 1 / temperature);
          return readRows(arena, out, layer.outputSize);
        });
      },
    ),
    visibleGivenHidden: answer((hidden: Float32Array, temperature: number) => {
      const [pixels, labels] = place("visible");
      return arena.scratch(() => {
        const rows = placeRows(arena, hidden, top.hiddenSize);
        const visible = runLayer(team, pixels, rows, { temperature });
        const scores = readRows(arena, runLayer(team, labels, rows), top.labelSize)
          .map((x) => x / temperature);
        return {
          visible: readRows(arena, visible, top.visibleSize),
          labels: softmaxRows(scores, top.labelSize),
        };
      });
    }),
    upPass: answer((images: Float32Array) => apply(place("up"), images, imageSize(dbn))),
    downPass: answer((visible: Float32Array) => apply(place("down"), visible, top.visibleSize)),
    classifierProbabilities: answer((images: Float32Array) => {
      const isHidden = (i: number) => i < classifier.length - 1;
      const activationOf = (i: number) =>
        isHidden(i) ? classifier[i].activation ?? "sigmoid" : undefined;
      const scores = apply(place("classifier"), images, imageSize(dbn), activationOf);
      return softmaxRows(scores, top.labelSize);
    }),
    jointPosterior: answer((images: Float32Array) => {
      const up = place("up"), [layer] = place("hidden"), u = labelRows("");
      return arena.scratch(() => {
        const below = forward(up, placeRows(arena, images, imageSize(dbn)), () => "sigmoid");
        const penultimate = readRows(arena, below, top.visibleSize);
        const logits = runLayer(team, layer, below);
        return posterior(below.batch, (row) => {
          const a = logits.address + 4 * row * layer.stride;
          const visible = penultimate.subarray(row * top.visibleSize, (row + 1) * top.visibleSize);
          let common = arena.kernels.sumSoftplus(a, layer.stride);
          for (let i = 0; i < visible.length; i++) common += visible[i] * top.visibleBias[i];
          const relative = Array.from(
            top.labelBias,
            (bias, y) =>
              bias + arena.kernels.softplusDifference(a, u + 4 * y * layer.stride, layer.stride),
          );
          return { common, relative };
        }, top.labelSize);
      });
    }),
    runChains: (state, segment) => {
      team.start();
      runChains(team, packed(""), state, segment);
    },
    dispose: () => team.dispose(),
  };
}

/** logits (B, stride) += labels (B, L)·rows (L, stride). */
function addLabelRows(
  logits: Float32Array,
  rows: Float32Array,
  labels: Float32Array,
  batch: number,
  stride: number,
): void {
  const labelSize = rows.length / stride;
  for (let row = 0; row < batch; row++) {
    for (let y = 0; y < labelSize; y++) {
      const weight = labels[row * labelSize + y];
      if (weight === 0) continue;
      for (let j = 0; j < stride; j++) logits[row * stride + j] += weight * rows[y * stride + j];
    }
  }
}

/** p(y|v) = softmax of −F(v, y), from its common part and the small part of each label. */
function posterior(
  batch: number,
  energies: (row: number) => { common: number; relative: number[] },
  labelSize: number,
): JointPosterior {
  const probabilities = new Float32Array(batch * labelSize);
  const freeEnergies = new Float32Array(batch * labelSize);
  for (let row = 0; row < batch; row++) {
    const { common, relative } = energies(row), logZ = logSumExp(relative);
    relative.forEach((x, y) => {
      probabilities[row * labelSize + y] = Math.exp(x - logZ);
      freeEnergies[row * labelSize + y] = -(common + x);
    });
  }
  return { probabilities, freeEnergies };
}

/** Makes each value once, when it is first asked for. */
function lazily<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    if (!made.has(name)) made.set(name, make(name));
    return made.get(name)!;
  };
}

/** A synchronous call as a promise, its errors as rejections. */
function answer<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => Promise<R> {
  return (...args) => new Promise((resolve) => resolve(f(...args)));
}

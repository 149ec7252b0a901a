/**
 * The project's own SIMD kernels: sparse Gibbs chains in one call, dense products for the rest.
 * @module
 */
import { logSumExp, softmaxRows } from "../math/activations.ts";
import { imageSize, type JointPosterior } from "../model/dbn.ts";
import type { Model } from "../model/weights.ts";
import { packRbm, runChains } from "../kernels/chains.ts";
import {
  affine,
  compactRows,
  padded,
  type PlacedLayer,
  placeLayer,
  placeRows,
} from "../kernels/dense.ts";
import { Team } from "../kernels/team.ts";
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
        return stack.toReversed().map(({ weights, visibleBias: bias, hiddenSize: inputSize }) =>
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

  /** Runs layers with sigmoids between them; returns rows without padding. */
  const forward = (layers: PlacedLayer[], data: Float32Array, last: "sigmoid" | "linear") => {
    let x = data;
    layers.forEach((layer, i) => {
      x = arena.scratch(() => {
        const { address, batch } = placeRows(arena, x, layer.inputSize);
        const out = affine(arena, layer, address, batch);
        if (i < layers.length - 1 || last === "sigmoid") {
          arena.kernels.sigmoidInPlace(out, batch * layer.stride, 1);
        }
        return compactRows(arena, out, batch, layer.outputSize, layer.stride);
      });
    });
    return x === data ? data.slice() : x;
  };

  const linear = (layer: PlacedLayer, data: Float32Array) => forward([layer], data, "linear");

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
          const { address, batch } = placeRows(arena, visible, layer.inputSize);
          const out = affine(arena, layer, address, batch);
          const logits = arena.floats(out, batch * layer.stride);
          const rows = arena.floats(u, top.labelSize * layer.stride);
          addLabelRows(logits, rows, labels, batch, layer.stride);
          arena.kernels.sigmoidInPlace(out, batch * layer.stride, 1 / temperature);
          return compactRows(arena, out, batch, layer.outputSize, layer.stride);
        });
      },
    ),
    visibleGivenHidden: answer((hidden: Float32Array, temperature: number) => {
      const [pixels, labels] = place("visible");
      const visible = arena.scratch(() => {
        const { address, batch } = placeRows(arena, hidden, pixels.inputSize);
        const out = affine(arena, pixels, address, batch);
        arena.kernels.sigmoidInPlace(out, batch * pixels.stride, 1 / temperature);
        return compactRows(arena, out, batch, pixels.outputSize, pixels.stride);
      });
      const scores = linear(labels, hidden).map((x) => x / temperature);
      return { visible, labels: softmaxRows(scores, top.labelSize) };
    }),
    upPass: answer((images: Float32Array) => forward(place("up"), images, "sigmoid")),
    downPass: answer((visible: Float32Array) => forward(place("down"), visible, "sigmoid")),
    classifierProbabilities: answer((images: Float32Array) =>
      softmaxRows(forward(place("classifier"), images, "linear"), top.labelSize)
    ),
    jointPosterior: answer((images: Float32Array) => {
      const penultimate = forward(place("up"), images, "sigmoid");
      const [layer] = place("hidden"), u = labelRows("");
      return arena.scratch(() => {
        const { address, batch } = placeRows(arena, penultimate, layer.inputSize);
        const logits = affine(arena, layer, address, batch);
        return posterior(batch, (row) => {
          const a = logits + 4 * row * layer.stride;
          const visible = penultimate.subarray(row * top.visibleSize, (row + 1) * top.visibleSize);
          let common = arena.kernels.sumSoftplus(a, layer.stride);
          for (let i = 0; i < visible.length; i++) common += visible[i] * top.visibleBias[i];
          const relative = Array.from(
            top.labelBias,
            (bias, y) =>
              bias + arena.kernels.softplusGain(a, u + 4 * y * layer.stride, layer.stride),
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

/**
 * A DBN in the kernels' memory, each part placed when it is first needed.
 * @module
 */
import { packRbm } from "../../kernels/serving/chains.ts";
import { padded, placeLayer, placeRows, runLayer } from "../../kernels/serving/dense.ts";
import type { Team } from "../../kernels/runtime/team.ts";
import type { WeightMatrix } from "../../math/weight_matrix.ts";
import { type Dbn, generative } from "../../model/dbn.ts";
import { lazily } from "./layers.ts";

// V image pixels, P penultimate units, H top hidden units, L labels

/** Bias of padding columns where a softplus is summed over them: softplus(-1000) is 0. */
const NO_UNIT = -1000;

/** The parts of a DBN, as functions that place them once. */
export type PlacedDbn = ReturnType<typeof placeDbn>;

/** A DBN for a team's memory. */
export function placeDbn(team: Team, { stack, top }: Dbn<WeightMatrix>) {
  const { arena } = team;
  return {
    /** From the image to the penultimate layer. */
    up: lazily(() =>
      stack.map(({ weights, hiddenBias: bias, visibleSize: inputSize }) =>
        placeLayer(arena, { weights, bias, inputSize })
      )
    ),
    /** From the penultimate layer to the image. */
    down: lazily(() =>
      stack.toReversed().map(generative)
        .map(({ weights, visibleBias: bias, hiddenSize: inputSize }) =>
          placeLayer(arena, { weights, bias, inputSize, transposed: true })
        )
    ),
    /** From the penultimate layer to the top's hidden units, without labels. */
    topHidden: lazily(() =>
      placeLayer(arena, {
        weights: top.weights,
        bias: top.hiddenBias,
        inputSize: top.visibleSize,
        paddingBias: NO_UNIT,
      })
    ),
    /** From the top's hidden units to the penultimate layer. */
    topVisible: lazily(() =>
      placeLayer(arena, {
        weights: top.weights,
        bias: top.visibleBias,
        inputSize: top.hiddenSize,
        transposed: true,
      })
    ),
    /** From the top's hidden units to the labels. */
    topLabels: lazily(() =>
      placeLayer(arena, {
        weights: top.labelWeights,
        bias: top.labelBias,
        inputSize: top.hiddenSize,
        transposed: true,
      })
    ),
    /** U, (L, H padded): the address of its rows, which are what one-hot labels give as inputs of a layer. */
    labelRows: lazily(() => {
      const { labelWeights: weights, labelSize, hiddenSize } = top;
      const count = labelSize * padded(hiddenSize), rows = arena.allocate(count);
      arena.scratch(() => {
        const bias = new Float32Array(hiddenSize), oneHot = new Float32Array(labelSize ** 2);
        for (let y = 0; y < labelSize; y++) oneHot[y * labelSize + y] = 1;
        const layer = placeLayer(arena, { weights, bias, inputSize: labelSize });
        const { address } = runLayer(team, layer, placeRows(arena, oneHot, labelSize));
        arena.floats(rows, count).set(arena.floats(address, count));
      });
      return rows;
    }),
    /** The top RBM in fixed point, for chains. */
    packedTop: lazily(() => packRbm(arena, top)),
  };
}

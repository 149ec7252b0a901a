/**
 * The conditionals of Gibbs sampling on the kernels, and whole chains in one call.
 * @module
 */
import { runChains } from "../../kernels/serving/chains.ts";
import { placeRows, readRows, runLayer } from "../../kernels/serving/dense.ts";
import type { Team } from "../../kernels/runtime/team.ts";
import { softmaxRows } from "../../math/activations.ts";
import type { WeightMatrix } from "../../math/weight_matrix.ts";
import { type Dbn, imageSize } from "../../model/dbn.ts";
import type { Conditionals } from "../../sampling/options.ts";
import { answer, applyLayers } from "./layers.ts";
import type { PlacedDbn } from "./placed_dbn.ts";

// B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** The conditionals of a DBN in a team's memory. */
export function conditionalsOn(
  team: Team,
  dbn: Dbn<WeightMatrix>,
  placed: PlacedDbn,
): Conditionals {
  const { top } = dbn, { arena } = team;
  return {
    imageSize: imageSize(dbn),
    visibleSize: top.visibleSize,
    labelSize: top.labelSize,
    hiddenSize: top.hiddenSize,
    visibleMean: dbn.penultimateMean,
    hiddenGivenVisible: answer(
      (visible: Float32Array, labels: Float32Array, temperature: number) => {
        const layer = placed.topHidden(), u = placed.labelRows();
        return arena.scratch(() => {
          const out = runLayer(team, layer, placeRows(arena, visible, layer.inputSize));
          const logits = arena.floats(out.address, out.batch * layer.stride);
          const rows = arena.floats(u, top.labelSize * layer.stride);
          addLabelRows(logits, { rows, labels, batch: out.batch, stride: layer.stride });
          arena.kernels.sigmoidInPlace(out.address, logits.length, 1 / temperature);
          return readRows(arena, out, layer.outputSize);
        });
      },
    ),
    visibleGivenHidden: answer((hidden: Float32Array, temperature: number) => {
      const pixels = placed.topVisible(), labels = placed.topLabels();
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
    upPass: answer((images: Float32Array) =>
      applyLayers(team, placed.up(), images, { inputSize: imageSize(dbn) })
    ),
    downPass: answer((visible: Float32Array) =>
      applyLayers(team, placed.down(), visible, { inputSize: top.visibleSize })
    ),
    runChains: (state, segment) => {
      team.start();
      runChains(team, placed.packedTop(), state, segment);
    },
  };
}

/** logits (B, stride) += labels (B, L)·rows (L, stride). */
export function addLabelRows(
  logits: Float32Array,
  { rows, labels, batch, stride }: {
    rows: Float32Array;
    labels: Float32Array;
    batch: number;
    stride: number;
  },
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

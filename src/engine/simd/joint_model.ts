/**
 * The joint model on the kernels: p(y|v) by the exact free energy of each label.
 * @module
 */
import { placeRows, readRows, runLayer } from "../../kernels/serving/dense.ts";
import type { Team } from "../../kernels/runtime/team.ts";
import { logSumExp } from "../../math/activations.ts";
import type { WeightMatrix } from "../../math/weight_matrix.ts";
import { type Dbn, imageSize, type JointPosterior } from "../../model/dbn.ts";
import type { JointModel } from "../engine.ts";
import { answer, runLayers, sigmoids } from "./layers.ts";
import type { PlacedDbn } from "./placed_dbn.ts";

// B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** A joint model in a team's memory. */
export function jointModelOn(team: Team, dbn: Dbn<WeightMatrix>, placed: PlacedDbn): JointModel {
  const { top } = dbn, { arena } = team, size = imageSize(dbn);
  return {
    imageSize: size,
    labelSize: top.labelSize,
    jointPosterior: answer((images: Float32Array) => {
      const up = placed.up(), layer = placed.topHidden(), u = placed.labelRows();
      return arena.scratch(() => {
        const below = runLayers(team, up, placeRows(arena, images, size), sigmoids);
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
  };
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

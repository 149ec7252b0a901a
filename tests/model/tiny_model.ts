/** Small random models with known sizes, for tests that need weights but no training. */
import { fillNormal } from "../../src/math/random.ts";
import { type Rbm, zeroLabelRbm, zeroRbm } from "../../src/model/rbm.ts";
import type { HiddenActivation } from "../../src/model/dbn.ts";
import type { Model } from "../../src/format/weights.ts";

/** Sizes of {@linkcode tinyModel}. */
export interface TinySizes {
  height?: number;
  width?: number;
  hidden?: number[];
  top?: number;
  labels?: number;
  seed?: number;
  scale?: number;
  /** Whether the stack has generative weights of its own. */
  untied?: boolean;
  activation?: HiddenActivation;
}

/** A model of random weights N(0, scale²), the same for the same seed. */
export function tinyModel(
  {
    height = 28,
    width = 28,
    hidden = [16, 12],
    top = 20,
    labels = 10,
    seed = 1,
    scale = 0.3,
    untied = false,
    activation,
  }: TinySizes = {},
): Model<Float32Array> {
  const layers = [height * width, ...hidden];
  let layer = 0;
  const fill = (data: Float32Array) => {
    fillNormal(data, { seed, chain: 0, step: 0, layer: 1000 + layer++ });
    data.forEach((x, i) => data[i] = x * scale);
    return data;
  };
  const fillRbm = <T extends Rbm>(rbm: T): T => {
    for (const data of Object.values(rbm)) if (data instanceof Float32Array) fill(data);
    return rbm;
  };
  const sizes = [...layers, top, labels];
  return {
    config: {
      format: "dbn-edge/1",
      name: "tiny",
      version: 1,
      architecture: {
        height,
        width,
        layers,
        top,
        labels: Array.from({ length: labels }, (_, i) => String(i)),
        classifier: [...hidden, top],
        ...(activation && { activation }),
      },
      preprocessing: { divisor: 255 },
    },
    dbn: {
      stack: hidden.map((size, i) => ({
        ...fillRbm(zeroRbm(layers[i], size)),
        ...(untied && { generativeWeights: fill(new Float32Array(layers[i] * size)) }),
      })),
      top: fillRbm(zeroLabelRbm(layers[layers.length - 1], labels, top)),
      penultimateMean: new Float32Array(layers[layers.length - 1]).fill(0.2),
    },
    classifier: sizes.slice(1).map((outputSize, i) => ({
      inputSize: sizes[i],
      outputSize,
      kernel: fill(new Float32Array(sizes[i] * outputSize)),
      bias: fill(new Float32Array(outputSize)),
      ...(activation && i < sizes.length - 2 && { activation }),
    })),
  };
}

/** The probe of a small model. */
import { writeProbe } from "../../src/format/probe.ts";
import type { Model } from "../../src/format/weights.ts";
import { makeProbe } from "../../train/artifacts/version.ts";

/** Bytes of `probe.safetensors`: two grey images and the reference engine's answers. */
export async function tinyProbe(model: Model): Promise<Uint8Array> {
  const { height, width } = model.config.architecture, imageSize = height * width;
  const images = Float32Array.from({ length: 2 * imageSize }, (_, i) => (i % 97) / 97);
  return writeProbe(await makeProbe(model, images), imageSize);
}

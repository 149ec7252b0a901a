/**
 * What an ONNX file says of the weight files that its tensors lie in. The library that runs it hands out
 * no metadata, and one that writes ONNX is large; so the few bytes are read here.
 * Format: protobuf wire format; onnx.proto's ModelProto and StringStringEntryProto.
 * @module
 */
import { modelFiles } from "./config.ts";
import { WeightsFormatError } from "./safetensors.ts";
import type { WeightFile } from "./weights.ts";

/** Which weight files each graph points into. */
export const graphWeights = {
  [modelFiles.onnx]: [modelFiles.dbn, modelFiles.classifier],
  [modelFiles.onnxHidden]: [modelFiles.dbn],
  [modelFiles.onnxVisible]: [modelFiles.dbn],
  [modelFiles.onnxDown]: [modelFiles.dbn],
} satisfies Record<string, WeightFile[]>;

/** Name of an ONNX file. */
export type GraphFile = keyof typeof graphWeights;

/** The key of a graph's metadata that holds the SHA-256 of a weight file, in hex. */
export function digestKey(file: WeightFile): string {
  return `sha256:${file}`;
}

/** `ModelProto.metadata_props`, and the two fields of an entry. */
const METADATA_FIELD = 14, KEY_FIELD = 1, VALUE_FIELD = 2;

/**
 * The metadata of an ONNX file; of a key that is there twice, the last value.
 * @throws {WeightsFormatError} if the bytes are not protobuf.
 */
export function readOnnxMetadata(bytes: Uint8Array, file = "graph"): Map<string, string> {
  const metadata = new Map<string, string>(), decoder = new TextDecoder();
  for (const [field, entry] of messageFields(bytes, file)) {
    if (field !== METADATA_FIELD) continue;
    const texts = new Map(
      messageFields(entry, file).map(([key, text]) => [key, decoder.decode(text)]),
    );
    metadata.set(texts.get(KEY_FIELD) ?? "", texts.get(VALUE_FIELD) ?? "");
  }
  return metadata;
}

/** The fields of a message that hold bytes, by number: texts, and messages in the message. */
function messageFields(bytes: Uint8Array, file: string): [field: number, bytes: Uint8Array][] {
  const fields: [number, Uint8Array][] = [];
  let at = 0;
  const broken = () =>
    new WeightsFormatError(`Cannot read ${file}: it is not ONNX, byte ${at} of ${bytes.length}`);
  const varint = () => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 63; scale *= 128) { // ten bytes at most
      if (at === bytes.length) break;
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw broken();
  };
  while (at < bytes.length) {
    const tag = varint(), field = Math.floor(tag / 8);
    const wire = wires[tag % 8];
    if (wire === undefined) throw broken();
    const length = wire === "varint" ? (varint(), 0) : wire === "bytes" ? varint() : wire;
    if (length > bytes.length - at) throw broken();
    if (wire === "bytes") fields.push([field, bytes.subarray(at, at + length)]);
    at += length;
  }
  return fields;
}

/** How long a field is, by its wire type: a number of bytes, or as it says itself. */
const wires: Record<number, "varint" | "bytes" | number> = { 0: "varint", 1: 8, 2: "bytes", 5: 4 };

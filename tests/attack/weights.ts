/**
 * Weight files with something broken in them: header, bytes, numbers; dtypes, and scales of 8-bit columns.
 * @module
 */
import {
  type Dtype,
  readTensors,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "../../src/format/safetensors.ts";
import { expandMatrix } from "../../src/math/weight_matrix.ts";
import { join, mutated, oddDocument } from "./mutate.ts";
import type { CaseRandom } from "./random.ts";

/** A safetensors file whose header, tensors, numbers or bytes were changed. */
export function oddWeights(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const way = random.below(14);
  if (way < 5) return oddHeader(bytes, random);
  if (way < 6) return oddNumbers(bytes, random);
  return way < 10 ? mutated(bytes, random) : oddTensors(bytes, random);
}

/** Numbers with some bits flipped: harmless unless one is no longer finite. */
function oddNumbers(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const out = bytes.slice(), start = headerEnd(out);
  for (let i = 1 + random.below(8); i > 0; i--) {
    out[start + random.below(out.length - start)] ^= 1 << random.below(8);
  }
  return out;
}

function headerEnd(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return 8 + Number(view.getBigUint64(0, true));
}

/** The file with one value of its safetensors header replaced, and a length that fits or does not. */
function oddHeader(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const end = headerEnd(bytes);
  const header = oddDocument(decode(bytes.subarray(8, end)), random), length = new Uint8Array(8);
  const lies = random.chance(0.1) ? random.pick([2 ** 32, 2 ** 53, 100_000_001, 0, 1]) : 0;
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length + lies), true);
  return join(length, header, bytes.subarray(end));
}

const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

const dtypes: readonly Dtype[] = ["F32", "F16", "I8"];

/** Float32 that no scale of a column, and few weights, may be. */
const oddFloats = [
  ...[0, -0, -1, NaN, Infinity, -Infinity, 2 ** -149, 2 ** -127, 1e-30, 1e30],
  ...[3.4028234663852886e38, 2.6794672900703e36, 1e38, -3e38],
];

/**
 * A file that is well-formed but for what it holds: one tensor has other numbers, another length, shape,
 * dtype or name, or is missing.
 */
function oddTensors(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const { tensors } = readTensors(bytes, "weights", dtypes);
  const names = [...tensors.keys()], scales = names.filter((name) => name.endsWith("_scale"));
  const name = random.pick(scales.length > 0 && random.chance(0.7) ? scales : names);
  const tensor = tensors.get(name)!, { shape } = tensor, data = tensor.data.slice();
  const place = random.below(data.length);
  tensors.set(name, { shape, data });
  switch (random.below(8)) {
    case 0:
      tensors.delete(name);
      break;
    case 1:
      setShape(tensors, name, [shape[0] + random.pick([-1, 1]), ...shape.slice(1)]);
      break;
    case 2:
      tensors.set(name, { shape: random.pick([[data.length, 1], [1, data.length]]), data });
      break;
    case 3: // the other dtype
      tensors.set(name, { shape, data: retyped(data) });
      break;
    case 4: // a scale of what has none
      tensors.set(`${random.pick(names)}_scale`, { shape: [1], data: Float32Array.of(1) });
      break;
    case 5: // expanded weights where integers belong
      expandOne(tensors, random);
      break;
    default:
      data[place] = data instanceof Int8Array ? -128 : random.pick(oddFloats);
  }
  return writeSafetensors(tensors, {}, { floats: random.chance(0.1) ? "F16" : floatsOf(bytes) });
}

/** What a file's floats are stored as. */
function floatsOf(bytes: Uint8Array): "F32" | "F16" {
  const header = new TextDecoder().decode(bytes.subarray(8, headerEnd(bytes)));
  return header.includes('"F16"') ? "F16" : "F32";
}

function setShape(tensors: Map<string, Tensor<TensorData>>, name: string, shape: number[]): void {
  const { data } = tensors.get(name)!, count = shape.reduce((product, size) => product * size, 1);
  const resized = data instanceof Int8Array
    ? new Int8Array(count)
    : new Float32Array(count).fill(1);
  resized.set(data.subarray(0, count));
  tensors.set(name, { shape, data: resized });
}

function retyped(data: TensorData): TensorData {
  return data instanceof Int8Array ? Float32Array.from(data) : Int8Array.from(data, (x) => x * 64);
}

function expandOne(tensors: Map<string, Tensor<TensorData>>, random: CaseRandom): void {
  const matrices = [...tensors].filter(([, { data }]) => data instanceof Int8Array);
  if (matrices.length === 0) return;
  const [name, { shape, data }] = random.pick(matrices), scale = `${name}_scale`;
  const scales = tensors.get(scale)?.data;
  if (!(data instanceof Int8Array && scales instanceof Float32Array)) return;
  if (scales.length !== shape[1]) return;
  tensors.set(name, { shape, data: expandMatrix({ values: data, scales }) });
  if (random.chance(0.5)) tensors.delete(scale);
}

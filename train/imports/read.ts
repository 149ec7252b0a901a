/**
 * The arrays of a file, whichever of the containers it is: safetensors, or NumPy's NPZ.
 * @module
 */
import { withPackages } from "../../src/outside/packages.ts";
import { failFile, MAX_IMPORT_BYTES, type NumberArray } from "./arrays.ts";
import type { NpzOptions } from "./npz.ts";
import { readFloatTensors } from "./safetensors.ts";

/** What a file's arrays are in. */
export type Container = "npz" | "safetensors";

/** A file's arrays: of NPZ in its order; of safetensors in that of its bytes, which says nothing. */
export interface ArrayFile {
  container: Container;
  arrays: NumberArray[];
}

/**
 * @throws {ImportError} naming file, array, bound and value where it is neither, or holds no floats.
 * @throws {PackageMissingError} if it is NPZ and zip.js is not installed.
 */
export async function readArrays(bytes: Uint8Array, options: NpzOptions): Promise<ArrayFile> {
  const { file } = options;
  if (bytes.length > MAX_IMPORT_BYTES) {
    failFile(file, `it must hold at most ${MAX_IMPORT_BYTES} bytes, got ${bytes.length}`);
  }
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) { // "PK"
    const { readNpz } = await withPackages(
      "read an NPZ archive",
      ["@zip.js/zip.js"],
      () => import("./npz.ts"),
    );
    return { container: "npz", arrays: await readNpz(bytes, options) };
  }
  if (bytes.length > 8 && bytes[8] === 0x7b) { // "{"
    return { container: "safetensors", arrays: readFloatTensors(bytes, file) };
  }
  return failFile(file, "it must be a safetensors file or an NPZ archive");
}

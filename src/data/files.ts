/**
 * Reads IDX files from a directory, plain or gzipped. Node's modules are imported when a file is read:
 * see ../repository/model_directory.ts.
 * @module
 */
import { importBuiltin } from "../outside/platform.ts";
import { FileRefused, readRegularFile } from "../outside/regular_file.ts";
import { visible } from "../outside/shown.ts";
import { checkIdxSize, gunzipIfNeeded, IdxFormatError, idxHeaderBytes, isGzipped } from "./idx.ts";

/** The most bytes one IDX file may hold, as it is and inflated: 64 MiB; MNIST's largest holds 45. */
export const MAX_IDX_BYTES = 64 * 1024 * 1024;

/** An IDX file by its MNIST name, `train-images-idx3-ubyte`. */
export interface IdxFile {
  directory: string;
  name: string;
  /** The number of axes that it must have. */
  rank: number;
}

/**
 * The bytes of an IDX file, under any usual spelling of its name, inflated.
 * @throws {IdxFormatError} naming a path that is no regular file, or whose size is over 64 MiB or not what its
 * header says; it is not read then.
 * @throws {Error} naming every path that was looked for, or one that cannot be read and why.
 */
export async function readIdxFile({ directory, name, rank }: IdxFile): Promise<Uint8Array> {
  const { join } = await importBuiltin<typeof import("node:path")>("node:path");
  const dotted = name.replace("-idx", ".idx");
  const paths = [name, dotted, `${name}.gz`, `${dotted}.gz`].map((file) => join(directory, file));
  for (const path of paths) {
    const file = visible(path);
    const check = (start: Uint8Array, size: number) => {
      if (!isGzipped(start)) checkIdxSize(start, { rank, size, file });
    };
    const bound = { maxBytes: MAX_IDX_BYTES, head: { bytes: idxHeaderBytes(rank), check } };
    try {
      return await gunzipIfNeeded(await readRegularFile(path, bound), MAX_IDX_BYTES, file);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof IdxFormatError) throw error;
      const { code } = error as { code?: string };
      if (code === "ENOENT" || code === "ENOTDIR") continue;
      const message = `Cannot read ${file}: ${visible(error.message)}`;
      if (error instanceof FileRefused) throw new IdxFormatError(message, { cause: error });
      throw new Error(message, { cause: error });
    }
  }
  throw new Error(
    `Cannot read data: none of ${paths.map(visible).join(", ")} exists. ` +
      "Name a directory of IDX files with --data, or leave --data out for the npm package",
  );
}

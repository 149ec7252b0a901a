/**
 * Reads IDX files from a directory, plain or gzipped. Node's modules are imported when a file is read:
 * see ../repository/directory.ts.
 * @module
 */
import { gunzipIfNeeded, IdxFormatError } from "./idx.ts";

/** The most bytes one IDX file may hold: 64 MiB; MNIST's largest holds 45. */
export const MAX_IDX_BYTES = 64 * 1024 * 1024;

/**
 * The bytes of an IDX file by its MNIST name, `train-images-idx3-ubyte`, under any usual spelling.
 * @throws {IdxFormatError} naming a path that is there and no regular file.
 * @throws {Error} naming every path that was looked for, or one that cannot be read and why.
 */
export async function readIdxFile(directory: string, name: string): Promise<Uint8Array> {
  const [{ readFile, stat }, { join }] = await Promise.all([
    import("node:fs/promises"),
    import("node:path"),
  ]);
  const dotted = name.replace("-idx", ".idx");
  const paths = [name, dotted, `${name}.gz`, `${dotted}.gz`].map((file) => join(directory, file));
  for (const path of paths) {
    try {
      if (!(await stat(path)).isFile()) { // opening a named pipe would wait for its writer
        throw new IdxFormatError(`Cannot read ${path}: it must be a regular file`);
      }
      return await gunzipIfNeeded(await readFile(path), MAX_IDX_BYTES, path);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof IdxFormatError) throw error;
      const { code } = error as { code?: string };
      if (code === "ENOENT" || code === "ENOTDIR") continue;
      throw new Error(`Cannot read ${path}: ${error.message}`, { cause: error });
    }
  }
  throw new Error(
    `Cannot read data: none of ${paths.join(", ")} exists. ` +
      "Name a directory of IDX files with --data, or leave --data out for the npm package",
  );
}

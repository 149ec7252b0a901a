/**
 * Finds and reads the IDX files of a directory, plain or gzipped whatever their names end in. Node's modules are
 * imported when a file is read: see ../repository/model_directory.ts.
 * @module
 */
import { isRegularFile, readDirectory } from "../outside/files.ts";
import { importBuiltin, pathUrl } from "../outside/platform.ts";
import {
  FileRefused,
  NOT_REGULAR,
  readFileStart,
  readRegularFile,
} from "../outside/regular_file.ts";
import { visible } from "../outside/shown.ts";
import { gunzipIdx, gunzipStart, isGzipped, MAX_IDX_BYTES, PACKED_START_BYTES } from "./gunzip.ts";
import {
  checkIdxSize,
  type IdxForm,
  IdxFormatError,
  idxHeaderBytes,
  readIdxHeader,
} from "./idx.ts";
import { type IdxName, parseIdxName, usualNames } from "./idx_names.ts";

/** Which file of a directory is wanted. */
export interface WantedFile extends Omit<IdxName, "source"> {
  directory: string;
  /** The data set whose files are meant. @default any */
  source?: string;
}

/** An IDX file that is there. */
export interface FoundFile {
  path: string;
  /** The data set that its name tells, or "". */
  source: string;
}

/**
 * The file of a directory that is wanted, under any usual spelling of its name. What is no regular file is skipped
 * where one of another spelling is.
 * @throws {IdxFormatError} naming the files, if two fit, or the one that fits if it is no regular file.
 * @throws {Error} naming what was looked for, or what cannot be read and why.
 */
export async function findIdxFile(wanted: WantedFile): Promise<FoundFile> {
  const { join } = await importBuiltin<typeof import("node:path")>("node:path");
  const { directory, split, part } = wanted;
  const files: FoundFile[] = [], others: string[] = [];
  try {
    for (const { name, source } of await namesIn(wanted)) {
      const path = join(directory, name), isRegular = await isRegularFile(path);
      if (isRegular) files.push({ path, source });
      else if (isRegular === false) others.push(path); // undefined of a link to nothing
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const message = `Cannot read ${visible(directory)}: ${visible(error.message)}`;
    throw new Error(message, { cause: error });
  }
  if (files.length > 1) {
    const [a, b] = files.map(({ path }) => visible(path));
    const what = `the ${part} of the split ${split}`;
    throw new IdxFormatError(
      `Cannot read ${what}: they must lie in 1 file, got ${a} and ${b}; keep one of them there`,
    );
  }
  if (files.length === 1) return files[0];
  if (others.length > 0) {
    throw new IdxFormatError(`Cannot read ${visible(others[0])}: ${NOT_REGULAR}`);
  }
  const [usual, ...spellings] = usualNames(wanted);
  throw new Error(
    `Cannot read data: none of ${
      [visible(join(directory, usual)), ...spellings].join(", ")
    } exists. ` +
      "Name a directory of IDX files with --data, or leave --data out for the npm package",
  );
}

/** Names in a directory that fit, in order; none where there is no directory. */
async function namesIn(
  { directory, split, part, source }: WantedFile,
): Promise<{ name: string; source: string }[]> {
  const names: { name: string; source: string }[] = [];
  try {
    for await (const { name } of readDirectory(await pathUrl(directory))) {
      const told = parseIdxName(name);
      if (told?.split !== split || told.part !== part) continue;
      if (source === undefined || told.source === source) names.push({ name, source: told.source });
    }
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  }
  return names.sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * The bytes of an IDX file, unpacked.
 * @throws {IdxFormatError} naming a path that is no regular file, or whose size is over 1 GiB or not what its
 * header says; it is not read or unpacked then.
 * @throws {Error} naming a path that cannot be read, and why.
 */
export async function readIdxFile(path: string, form: IdxForm): Promise<Uint8Array> {
  const file = visible(path);
  const check = (start: Uint8Array, size: number) => {
    if (!isGzipped(start)) checkIdxSize(readIdxHeader(start, form, file), size, file);
  };
  const head = { bytes: idxHeaderBytes(form), check };
  return await reading(file, async () => {
    const bytes = await readRegularFile(path, { maxBytes: MAX_IDX_BYTES, head });
    return isGzipped(bytes) ? await gunzipIdx(bytes, { form, file }) : bytes;
  });
}

/**
 * The shape of the array in an IDX file, of which no more than its beginning is read.
 * @throws {IdxFormatError} naming the path, what was expected and what was found.
 * @throws {Error} naming a path that cannot be read, and why.
 */
export async function readIdxShape(path: string, form: IdxForm): Promise<number[]> {
  const file = visible(path);
  return await reading(file, async () => {
    const start = await readFileStart(path, PACKED_START_BYTES);
    const bytes = isGzipped(start) ? await gunzipStart(start, file) : start;
    return readIdxHeader(bytes, form, file).shape;
  });
}

/** Runs `read`; its errors name the file. */
async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof IdxFormatError) throw error;
    const message = `Cannot read ${file}: ${visible(error.message)}`;
    if (error instanceof FileRefused) throw new IdxFormatError(message, { cause: error });
    throw new Error(message, { cause: error });
  }
}

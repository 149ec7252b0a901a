/**
 * The names of IDX files, in every usual spelling: MNIST's, with `-` or `.` before `idx`, `t10k` or `test`,
 * packed or not, and those of EMNIST (`emnist-letters-train-images-idx3-ubyte`) and QMNIST
 * (`qmnist-train-labels-idx2-int`).
 * @module
 */

/** What an IDX file holds a part of. */
export interface IdxName {
  /** The data set: `qmnist`, `emnist-letters`; empty where the name does not say it. */
  source: string;
  /** Such as `train`. */
  split: "train" | "test";
  /** What it holds. */
  part: "images" | "labels";
}

const NAME =
  /^(?:(qmnist|emnist-[a-z]+)-)?(train|t10k|test)-(?:(images)[-.]idx3-ubyte|labels[-.](?:idx1-ubyte|idx2-int))(?:\.gz)?$/;

/** What a file of this name holds; undefined where it is no IDX file's. */
export function parseIdxName(name: string): IdxName | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  const [, source = "", split, images] = match;
  return {
    source,
    split: split === "train" ? "train" : "test",
    part: images === undefined ? "labels" : "images",
  };
}

/** MNIST's name for a file, and how else it may be spelt, for error messages. */
export function usualNames({ split, part }: Omit<IdxName, "source">): [string, ...string[]] {
  const file = `${split === "train" ? "train" : "t10k"}-${part}`;
  const form = part === "images" ? "idx3-ubyte" : "idx1-ubyte";
  return [
    `${file}-${form}`,
    ...[`${file}.${form}`, `${file}-${form}.gz`, `emnist-NAME-${split}-…`, `qmnist-${split}-…`],
  ];
}

/**
 * What is signed of a version: an in-toto statement (in-toto.io/Statement/v1) whose predicate lists every
 * file with its SHA-256, as OpenSSF Model Signing 1.0 defines it. Its subject's digest is the SHA-256 of
 * the files' digests one behind the other, in the order of the list.
 * @module
 */
import { decodeHex } from "../outside/encoding.ts";
import { isSha256, MANIFEST_FILE } from "../format/manifest.ts";
import { isObject } from "../format/safetensors.ts";
import { sha256 } from "../outside/sha256.ts";
import { shown } from "../outside/shown.ts";
import { fail, parseJson } from "./envelope.ts";

/** Name of the bundle's file in a version. */
export const SIGNATURE_FILE = "model.sig";

/** Type of a payload that is a statement. */
export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE = "https://model_signing/signature/v1.0";

/** A file by what it is. */
export interface FileDigest {
  /** Relative to the version, with `/`. */
  path: string;
  /** In hex. */
  sha256: string;
}

/** The bytes of a statement over the files, the same for the same files in any order. */
export async function writeStatement(
  { subject, files }: { subject: string; files: readonly FileDigest[] },
): Promise<Uint8Array> {
  const sorted = files.toSorted((a, b) => comparePaths(a.path, b.path));
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: subject, digest: { sha256: await rootDigest(sorted) } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      serialization: {
        method: "files",
        hash_type: "sha256",
        allow_symlinks: false,
        ignore_paths: [MANIFEST_FILE, SIGNATURE_FILE],
      },
      resources: sorted.map(({ path, sha256 }) => ({
        name: path,
        algorithm: "sha256",
        digest: sha256,
      })),
    },
  };
  return new TextEncoder().encode(JSON.stringify(statement, null, 2));
}

/**
 * The files that a statement is about. Members that version 1 does not know are passed over, as in-toto
 * asks for: they are signed.
 * @throws {SignatureError} naming the field, the bound and the value.
 */
export async function readStatement(payload: Uint8Array): Promise<FileDigest[]> {
  const root = object("payload", parseJson("payload", payload));
  equals("_type", root._type, STATEMENT_TYPE);
  equals("predicateType", root.predicateType, PREDICATE_TYPE);
  const { serialization, resources } = object("predicate", root.predicate);
  const { method, hash_type } = object("serialization", serialization);
  equals("method", method, "files");
  equals("hash_type", hash_type, "sha256");
  if (!Array.isArray(resources)) return fail("resources", "a list", resources);
  const files = resources.map(readResource), paths = new Set(files.map(({ path }) => path));
  if (paths.size < files.length) fail("resources", "files of different names", files.length);
  const { subject } = root;
  if (!Array.isArray(subject) || subject.length !== 1) {
    return fail("subject", "one subject", subject);
  }
  const { digest } = object("subject[0]", subject[0]);
  equals("subject[0].digest.sha256", object("digest", digest).sha256, await rootDigest(files));
  return files;
}

function readResource(resource: unknown, i: number): FileDigest {
  const { name, algorithm, digest } = object(`resources[${i}]`, resource);
  if (typeof name !== "string") fail(`resources[${i}].name`, "a text", name);
  equals(`resources[${i}].algorithm`, algorithm, "sha256");
  if (!isSha256(digest)) {
    return fail(`resources[${i}].digest`, "64 hexadecimal digits in lower case", digest);
  }
  return { path: name as string, sha256: digest };
}

/** By folders and names, as Python orders paths: `images/a.png` is before `images.txt`. */
function comparePaths(a: string, b: string): number {
  const left = a.split("/"), right = b.split("/");
  const at = left.findIndex((part, i) => part !== right[i]);
  if (at < 0 || at >= right.length) return left.length - right.length;
  return left[at] < right[at] ? -1 : 1;
}

async function rootDigest(files: readonly FileDigest[]): Promise<string> {
  return await sha256(decodeHex(files.map((file) => file.sha256).join("")));
}

function object(field: string, value: unknown): Record<string, unknown> {
  return isObject(value) ? value : fail(field, "a JSON object", value);
}

function equals(field: string, value: unknown, expected: string): void {
  if (value !== expected) fail(field, shown(expected), value);
}

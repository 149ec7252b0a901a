/**
 * Signs and verifies a version. The bundle is a file of the version, {@linkcode SIGNATURE_FILE}, so the
 * manifest lists it; it signs every other file by its SHA-256. It cannot sign the manifest, which lists
 * it, and need not: what the manifest says besides, the model's name and the version's number, stands in
 * config.json, which is signed.
 * @module
 */
import { type Manifest, MANIFEST_FILE } from "../format/manifest.ts";
import { shown } from "../outside/shown.ts";
import { MAX_BUNDLE_BYTES, readEnvelope, signEnvelope, verifyEnvelope } from "./envelope.ts";
import { SignatureError } from "./errors.ts";
import type { SigningKey, TrustedKey } from "./keys.ts";
import {
  type FileDigest,
  PAYLOAD_TYPE,
  readStatement,
  SIGNATURE_FILE,
  writeStatement,
} from "./statement.ts";

/** Files that no signature covers: itself, and what lists it. */
const UNSIGNED_FILES: readonly string[] = [SIGNATURE_FILE, MANIFEST_FILE];

/** What of a version's files a signature is over. */
function signable<T extends FileDigest>(files: readonly T[]): T[] {
  return files.filter(({ path }) => !UNSIGNED_FILES.includes(path));
}

/**
 * The bytes of {@linkcode SIGNATURE_FILE} for the files of a version.
 * @param subject what the statement calls the version, such as `mnist-dbn/3`; nobody checks it
 */
export async function signVersion(
  { subject, files }: { subject: string; files: readonly FileDigest[] },
  key: SigningKey,
): Promise<Uint8Array> {
  const payload = await writeStatement({ subject, files: signable(files) });
  return await signEnvelope({ payload, payloadType: PAYLOAD_TYPE }, key);
}

/**
 * Verifies a bundle: one of the keys has signed it, over exactly these files.
 * @param bundle bytes of {@linkcode SIGNATURE_FILE}; undefined where there is none
 * @returns the key that has signed
 * @throws {SignatureError} saying what does not hold.
 */
export async function verifyVersion(
  bundle: Uint8Array | undefined,
  files: readonly FileDigest[],
  trustedKeys: readonly TrustedKey[],
): Promise<TrustedKey> {
  if (bundle === undefined) {
    throw new SignatureError("unsigned", `it has no ${SIGNATURE_FILE}: sign it with dbn sign`);
  }
  const envelope = readEnvelope(bundle);
  const key = await verifyEnvelope(envelope, trustedKeys);
  // Nothing of the payload is looked at before it is known to be a trusted key's.
  if (envelope.payloadType !== PAYLOAD_TYPE) {
    throw new SignatureError(
      "malformed",
      `${SIGNATURE_FILE}: payloadType must be ${PAYLOAD_TYPE}, got ${shown(envelope.payloadType)}`,
    );
  }
  compare(await readStatement(envelope.payload), signable(files));
  return key;
}

/**
 * What a server asks before it opens a version: {@linkcode verifyVersion} of the files that its manifest
 * lists. That the files are those of the manifest is whoever's reads them.
 * @throws {SignatureError} saying what does not hold.
 */
export async function checkSignature(
  { manifest, bundle }: { manifest: Manifest; bundle: Uint8Array | undefined },
  trustedKeys: readonly TrustedKey[],
): Promise<TrustedKey> {
  return await verifyVersion(bundle, manifest.files, trustedKeys);
}

/** A version as who loads it has it: its manifest, and how its files are read. */
export interface LoadedFiles {
  manifest: Manifest;
  /** The bytes of a file, checked against the manifest; undefined if that does not list it. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

/**
 * What a pool of versions asks before it opens one; its option `checkSignature`.
 * @returns a check that throws a {@linkcode SignatureError} saying what does not hold
 */
export function signatureCheck(
  trustedKeys: readonly TrustedKey[],
): (version: LoadedFiles) => Promise<void> {
  return async ({ manifest, read }) => {
    const bundle = await read(SIGNATURE_FILE, MAX_BUNDLE_BYTES);
    await checkSignature({ manifest, bundle }, trustedKeys);
  };
}

/** @throws {SignatureError} unless the files are those that were signed. */
function compare(signed: readonly FileDigest[], files: readonly FileDigest[]): void {
  const digests = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  for (const { path, sha256 } of signed) {
    const digest = digests.get(path);
    if (digest === undefined) {
      const advice = UNSIGNED_FILES.includes(path)
        ? "; sign it with dbn sign, which leaves it out"
        : "";
      throw new SignatureError(
        "missing-file",
        `${shown(path)} is signed and must be there${advice}`,
      );
    }
    if (digest !== sha256) {
      throw new SignatureError(
        "changed-file",
        `${shown(path)} must have the signed SHA-256 ${sha256}, got ${digest}`,
      );
    }
    digests.delete(path);
  }
  for (const path of digests.keys()) {
    throw new SignatureError("unsigned-file", `${shown(path)} is not signed`);
  }
}

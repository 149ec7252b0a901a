/**
 * `dbn sign`: signs a version's files.
 * @module
 */
import type { Command } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { MANIFEST_FILE, writeManifest } from "../../../src/format/manifest.ts";
import { describeVersion, type LocalVersion } from "../../../src/repository/describe_version.ts";
import {
  directoryUrl,
  readOptionalModelFile,
  writeModelFile,
} from "../../../src/repository/model_directory.ts";
import { sha256 } from "../../../src/outside/sha256.ts";
import { SignatureError } from "../../../src/signing/errors.ts";
import { readPrivateKeyFile } from "../../../src/signing/key_files.ts";
import { publicKeyOf, type SigningKey } from "../../../src/signing/keys.ts";
import { SIGNATURE_FILE } from "../../../src/signing/statement.ts";
import { checkSignature, signVersion } from "../../../src/signing/version.ts";

/** `dbn sign`. */
export const command: Command = {
  usage: "deno task dbn sign DIRECTORY --key FILE",
  about:
    `Signs all files of a version, and writes ${SIGNATURE_FILE} beside them: a bundle of OpenSSF Model Signing.
Where the version has a ${MANIFEST_FILE} it is written again, with the bundle. A version that the key has
signed already stays as it is.`,
  positionals: { directory: { kind: "path", help: "the version, such as models/mnist-dbn/3" } },
  flags: {
    key: { kind: "path", help: "PEM file of the private key: see dbn keygen", isRequired: true },
  },
  run,
};

async function run({ directory, key }: FlagValues): Promise<void> {
  const path = directory as string, url = await directoryUrl(path);
  const signing = await readPrivateKeyFile(key as string), version = await describeVersion(path);
  const old = await readOptionalModelFile(url, SIGNATURE_FILE);
  const isSigned = old !== undefined && await isSignedBy(signing, version, old);
  const bundle = isSigned ? old : await sign(version, signing);
  if (!isSigned) await writeModelFile(url, SIGNATURE_FILE, bundle);
  const manifest = await readOptionalModelFile(url, MANIFEST_FILE);
  const listed = await manifestWith(version, bundle), isListed = manifest && same(manifest, listed);
  if (manifest && !isListed) await writeModelFile(url, MANIFEST_FILE, listed);
  console.log(
    `${path}: ${isSigned ? "is signed already" : "signed"} by key ${signing.fingerprint}`,
  );
  if (manifest && !isListed) {
    console.log(`wrote ${MANIFEST_FILE} again: the version's digest is ${await sha256(listed)}`);
  }
}

async function isSignedBy(
  key: SigningKey,
  { manifest }: LocalVersion,
  bundle: Uint8Array,
): Promise<boolean> {
  try {
    await checkSignature({ manifest, bundle }, [publicKeyOf(key)]);
    return true;
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    return false;
  }
}

function sign({ manifest }: LocalVersion, key: SigningKey): Promise<Uint8Array> {
  const { model, version, files } = manifest;
  return signVersion({ subject: `${model}/${version}`, files }, key);
}

/** The manifest that lists the bundle too. */
async function manifestWith({ manifest }: LocalVersion, bundle: Uint8Array): Promise<Uint8Array> {
  const others = manifest.files.filter(({ path }) => path !== SIGNATURE_FILE);
  const own = { path: SIGNATURE_FILE, size: bundle.length, sha256: await sha256(bundle) };
  return writeManifest({ ...manifest, files: [...others, own] });
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

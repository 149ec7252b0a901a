/**
 * `dbn verify`: whether a version is signed by a trusted key, and is what was signed.
 * @module
 */
import type { Command } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { type Manifest, MANIFEST_FILE, readManifest } from "../../../src/format/manifest.ts";
import { shown } from "../../../src/outside/shown.ts";
import { describeVersion } from "../../../src/repository/describe_version.ts";
import { directoryUrl, readOptionalModelFile } from "../../../src/repository/model_directory.ts";
import { readTrustedKeyFiles } from "../../../src/signing/key_files.ts";
import { SIGNATURE_FILE } from "../../../src/signing/statement.ts";
import { checkSignature } from "../../../src/signing/version.ts";

/** `dbn verify`. */
export const command: Command = {
  usage: "deno task dbn verify DIRECTORY --trusted-key FILE",
  about:
    `Checks that a version's ${SIGNATURE_FILE} is by a trusted key and signs exactly its files, and that its
${MANIFEST_FILE} lists them, where it has one. Ends with code 1 and the reason where it does not.`,
  positionals: { directory: { kind: "path", help: "the version, such as models/mnist-dbn/3" } },
  flags: {
    "trusted-key": {
      kind: "path",
      help: "PEM file of public keys",
      isRequired: true,
      isRepeatable: true,
    },
  },
  run,
};

async function run({ directory, ...flags }: FlagValues): Promise<void> {
  const path = directory as string, url = await directoryUrl(path);
  const trusted = await readTrustedKeyFiles(flags["trusted-key"] as string[]);
  const { manifest } = await describeVersion(path);
  const bundle = await readOptionalModelFile(url, SIGNATURE_FILE);
  const { fingerprint, from } = await checkSignature({ manifest, bundle }, trusted);
  const listed = await readOptionalModelFile(url, MANIFEST_FILE);
  if (listed) compare(readManifest(listed), manifest);
  const { model, version, files } = manifest;
  console.log(
    `${path}: version ${version} of ${model}, ${files.length} files, signed by key ${fingerprint} (${from})`,
  );
}

/** @throws {Error} naming the first thing that the manifest says otherwise than the files. */
function compare(listed: Manifest, actual: Manifest): void {
  const differing = [
    ...(["model", "version"] as const).filter((name) => listed[name] !== actual[name]),
    ...differingPaths(listed, actual),
  ];
  if (differing.length === 0) return;
  throw new Error(
    `Cannot trust ${MANIFEST_FILE}: it must list the version's files as they are, and differs in ${
      shown(differing[0])
    }; write it again with dbn sign`,
  );
}

function differingPaths(listed: Manifest, actual: Manifest): string[] {
  const line = ({ path, size, sha256 }: Manifest["files"][number]) => `${path} ${size} ${sha256}`;
  const found = new Set(actual.files.map(line)), told = new Set(listed.files.map(line));
  const differing = [...found].filter((text) => !told.has(text))
    .concat([...told].filter((text) => !found.has(text)));
  return differing.map((text) => text.split(" ")[0]);
}

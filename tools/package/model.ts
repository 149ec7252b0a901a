/**
 * The released model as the package holds it: all that is served and checked, without pictures and log.
 * @module
 */
import { join } from "@std/path";
import { MANIFEST_FILE, readManifest, writeManifest } from "../../src/format/manifest.ts";
import { describeVersion } from "../../src/repository/describe_version.ts";
import { releasedModel } from "../../src/repository/model_directory.ts";

/** Files of a version that the package leaves out: what its card shows, and how it was trained. */
const leftOut = /^images\/|^training_log\.jsonl$/;

/**
 * The files by their path in the package; the manifest lists these alone.
 * @throws {Error} naming a file that is not the one of the version's own manifest; others are left out
 */
export async function modelContents(root: string): Promise<Map<string, Uint8Array>> {
  const directory = join(root, releasedModel);
  const { manifest: { model, version }, files } = await describeVersion(directory);
  const own = readManifest(await Deno.readFile(join(directory, MANIFEST_FILE)));
  const kept = own.files.filter(({ path }) => !leftOut.test(path)).map(({ path, sha256 }) => {
    const file = files.find((file) => file.path === path);
    if (file?.sha256 === sha256) return file;
    throw new Error(
      `Cannot package ${releasedModel}: ${path} must have SHA-256 ${sha256}, got ${
        file?.sha256 ?? "no such file"
      }`,
    );
  });
  const contents = await Promise.all(
    kept.map(async ({ path, read }) => [`${releasedModel}/${path}`, await read()] as const),
  );
  const manifest = writeManifest({ model, version, files: kept });
  return new Map([...contents, [`${releasedModel}/${MANIFEST_FILE}`, manifest]]);
}

/**
 * The released model as the package holds it: all that is served and checked, without pictures and log.
 * @module
 */
import { join } from "@std/path";
import { MANIFEST_FILE, writeManifest } from "../../src/format/manifest.ts";
import { describeVersion } from "../../src/repository/describe_version.ts";
import { releasedModel } from "../../src/repository/model_directory.ts";

/** Files of a version that the package leaves out: what its card shows, and how it was trained. */
const leftOut = /^images\/|^training_log\.jsonl$/;

/** The files by their path in the package; the manifest lists these alone. */
export async function modelContents(root: string): Promise<Map<string, Uint8Array>> {
  const { manifest: { model, version }, files } = await describeVersion(join(root, releasedModel));
  const kept = files.filter(({ path }) => !leftOut.test(path));
  const contents = await Promise.all(
    kept.map(async ({ path, read }) => [`${releasedModel}/${path}`, await read()] as const),
  );
  const manifest = writeManifest({ model, version, files: kept });
  return new Map([...contents, [`${releasedModel}/${MANIFEST_FILE}`, manifest]]);
}

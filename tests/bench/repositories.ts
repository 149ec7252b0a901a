/**
 * How long a server takes to its first answer when the version that answers comes from a repository, beside
 * the bundled model.
 * @module
 */
import { describeVersion } from "../../src/repository/describe_version.ts";
import { releasedModel } from "../../src/repository/model_directory.ts";
import { openRepository } from "../../src/repository/open.ts";
import {
  credentials,
  makeBucket,
  missing,
  startMoto,
  startSeaweed,
} from "../repository/servers/servers.ts";
import { coldStart } from "./cold_start.ts";
import { markdownTable, median } from "./measure.ts";

const root = new URL("../../", import.meta.url).pathname;
const STARTS = 9;
/** The released model under another number, so that the bundled one cannot stand for it. */
const VERSION = 3;

/** A place that versions come from, and the variables that say so. */
interface Place {
  name: string;
  variables: Record<string, string>;
}

/** Puts the released model into a repository, as production. */
async function fill({ variables }: Place): Promise<void> {
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  const repository = await openRepository(variables.DBN_REPOSITORY);
  const { manifest: { model }, files, bytes } = await describeVersion(root + releasedModel, {
    version: VERSION,
  });
  for (const file of files) {
    if (await repository.blobOffset(file) === file.size) continue;
    await repository.writeBlob(file, new Response(await file.read() as BodyInit).body!, 0);
  }
  await repository.createVersion(bytes);
  await repository.moveAlias(model, "production", { version: VERSION, by: "bench" });
  repository.close();
}

/** Cold starts of the bundled model and of every repository that there is, by turns. */
export async function repositoryTable(): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const places: Place[] = [
    { name: "a directory", variables: { DBN_REPOSITORY: `${directory}/models` } },
    { name: "Deno KV in a file", variables: { DBN_REPOSITORY: `kv:${directory}/models.sqlite3` } },
  ];
  for (const [name, start] of [["seaweedfs", startSeaweed], ["moto", startMoto]] as const) {
    if (await missing(name)) continue;
    const server = stack.use(await start());
    await makeBucket(server);
    const AWS_ENDPOINT_URL = `http://127.0.0.1:${server.port}`;
    places.push({
      name: `S3 of ${name}, same machine`,
      variables: { DBN_REPOSITORY: "s3://models/bench", AWS_ENDPOINT_URL, ...credentials },
    });
  }
  for (const place of places) await fill(place);
  const all: Place[] = [{ name: "bundled", variables: {} }, ...places];
  const starts = all.map((): { ms: number; mib: number }[] => []);
  for (let turn = 0; turn < STARTS; turn++) {
    for (const [i, { variables }] of all.entries()) {
      const given = { DBN_REPOSITORY: "", ...variables }; // of this turn alone
      starts[i].push(await coldStart("simd", root, { variables: given, hasAllPermissions: true }));
    }
  }
  return markdownTable([
    ["The first answer's version from", "cold start, ms", "memory, MiB"],
    ...all.map(({ name }, i) => [
      name,
      median(starts[i].map(({ ms }) => ms)).toFixed(0),
      median(starts[i].map(({ mib }) => mib)).toFixed(0),
    ]),
  ]);
}

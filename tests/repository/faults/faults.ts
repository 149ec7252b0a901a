/**
 * Kills a process again and again while it pushes versions and moves aliases, and looks whether what is
 * there is whole: `deno task faults` does it 200 times, the tests a few.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { RepositoryBusyError } from "../../../src/repository/errors.ts";
import { openRepository } from "../../../src/repository/open.ts";
import { pause } from "../../../src/repository/poll.ts";
import type { ModelRepository } from "../../../src/repository/repository.ts";
import { bytesOf, type Contents, MODEL, noise, push } from "../conformance.ts";

/** Versions that the worker leaves before it deletes the oldest. */
export const KEPT = 4;
/** Time until a process is killed, after it is ready, in milliseconds. */
const MAX_LIFE_MS = 400;

/** How long one process waits for another that was killed, in milliseconds. */
export const LEASE_MS = 2500;

/** A version's contents: some as in all others, some of several chunks. */
export function contentsOf(version: number): Contents {
  return {
    "config.json": `{"version":${version}}`,
    "model.safetensors": noise(150_000 + version % 7, version),
    "classifier.safetensors": noise(70_000, version % 3),
    "README.md": "the same in all versions",
  };
}

/** What a run of faults found. */
export interface Faults {
  kills: number;
  /** Versions that were there after the kills, each read whole. */
  checked: number;
  /** Kills that came before a push had ended, so that repeating it made the version. */
  completed: number;
}

/** Kills a worker so often; checks after each. @throws {AssertionError} naming what is not whole */
export async function killWorkers(
  address: string,
  kills: number,
  onKill: (kill: number) => void = () => {},
): Promise<Faults> {
  const faults: Faults = { kills, checked: 0, completed: 0 };
  for (let kill = 1, next = 1; kill <= kills; kill++) {
    await killWorker(address, next);
    const repository = await openRepository(address, { leaseMs: LEASE_MS });
    faults.checked += await checkAll(repository);
    const last = (await repository.versions(MODEL)).at(-1)?.version ?? 0;
    if (await pushAgain(repository, last + 1) === "created") faults.completed++;
    await checkVersion(repository, last + 1);
    next = last + 2;
    repository.close();
    onKill(kill);
  }
  return faults;
}

/** Pushes, again where the store is busy. */
async function pushAgain(repository: ModelRepository, version: number) {
  for (let tries = 1;; tries++) {
    try {
      return await push(repository, contentsOf(version), { version });
    } catch (error) {
      if (!(error instanceof RepositoryBusyError) || tries >= 5) throw error;
    }
  }
}

async function killWorker(address: string, first: number): Promise<void> {
  const root = new URL("../../../", import.meta.url);
  const worker = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", `--lock=${new URL("deno.dev.lock", root).pathname}`],
      ...[new URL("worker.ts", import.meta.url).pathname, address, String(first)],
    ],
    ...{ stdout: "piped", stderr: "piped" },
  }).spawn();
  const output = worker.stdout.getReader();
  const { value } = await output.read();
  assertEquals(value && new TextDecoder().decode(value).trim(), "ready");
  await pause(Math.random() * MAX_LIFE_MS);
  worker.kill("SIGKILL");
  await output.cancel();
  const errors = await new Response(worker.stderr).text();
  const { signal } = await worker.status;
  assertEquals(signal, "SIGKILL", errors);
}

/** Reads all that is there. @returns how many versions */
export async function checkAll(repository: ModelRepository): Promise<number> {
  const versions = (await repository.versions(MODEL)).map(({ version }) => version);
  for (const version of versions) await checkVersion(repository, version);
  const history = await repository.history(MODEL);
  for (const { alias, version, revision } of await repository.aliases(MODEL)) {
    assert(versions.includes(version), `${alias} names version ${version}, which is not there`);
    const moves = history.filter((move) => move.alias === alias);
    assertEquals(moves[0].to, version, `the history of ${alias}`);
    if (history.length < 500) assertEquals(moves.length, revision, `the moves of ${alias}`);
  }
  return versions.length;
}

async function checkVersion(repository: ModelRepository, version: number): Promise<void> {
  const ref = { model: MODEL, version }, contents = contentsOf(version);
  const stored = await repository.readManifest(ref);
  assert(stored, `version ${version} has no manifest`);
  const { files } = stored.manifest;
  assertEquals(files.map(({ path }) => path), Object.keys(contents).sort());
  for (const file of files) {
    assertEquals(await repository.readFile(ref, file), bytesOf(contents[file.path]));
  }
}

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  AliasMovedError,
  BlobOffsetError,
  BlobsMissingError,
  NotFoundError,
  VersionConflictError,
  VersionInUseError,
} from "../../src/repository/errors.ts";
import { openRepository } from "../../src/repository/open.ts";
import type { ModelRepository } from "../../src/repository/repository.ts";
import { blobOf, bytesOf, describe, MODEL, streamOf } from "./conformance.ts";
import { MemoryModel, type Outcome } from "./memory_model.ts";

const contents = ["a", "bb", "x".repeat(70_000)];
/** Few, so that steps often come upon each other. */
const versions = fc.integer({ min: 1, max: 2 });

/** A step, as fast-check makes and shrinks it. */
const step = fc.oneof(
  fc.record({
    do: fc.constant("send" as const),
    content: fc.constantFrom(...contents),
    /** Where to begin: where the blob ends, or anywhere. */
    from: fc.option(fc.nat(3), { nil: undefined, freq: 10 }),
    count: fc.oneof({ weight: 3, arbitrary: fc.constant(100_000) }, fc.nat(50_000)),
  }),
  fc.record({
    do: fc.constant("create" as const),
    version: versions,
    content: fc.constantFrom(...contents),
  }),
  fc.record({ do: fc.constant("delete" as const), version: versions }),
  fc.record({
    do: fc.constant("move" as const),
    alias: fc.constantFrom("production", "candidate"),
    version: fc.option(versions, { nil: null }),
    ifRevision: fc.option(fc.nat(4), { nil: undefined }),
  }),
  fc.record({ do: fc.constant("collect" as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The name of an error that a repository may end with, and what it tells. */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof BlobOffsetError) return `BlobOffsetError ${error.received}`;
  if (error instanceof AliasMovedError) return `AliasMovedError ${error.revision}`;
  for (const kind of [BlobsMissingError, NotFoundError, VersionConflictError, VersionInUseError]) {
    if (error instanceof kind) return kind.name;
  }
  throw error;
}

/** Does a step to both; returns what each ended with. */
async function perform(repository: ModelRepository, model: MemoryModel, step: Step) {
  const both = async (real: () => Promise<Outcome>, expected: Outcome) => {
    try {
      return [await real(), expected];
    } catch (error) {
      return [outcomeOf(error), expected];
    }
  };
  switch (step.do) {
    case "send": {
      const { content, count } = step, blob = await blobOf(content);
      const from = step.from ?? model.blobs.get(content) ?? 0;
      const bytes = bytesOf(content).subarray(from, from + count);
      return await both(
        async () => String(await repository.writeBlob(blob, streamOf(bytes), from)),
        model.send(content, from, count),
      );
    }
    case "create": {
      const { version, content } = step;
      const { bytes } = await describe({ "a.txt": content }, { model: MODEL, version });
      return await both(() => repository.createVersion(bytes), model.create(version, content));
    }
    case "delete": {
      const remove = async () => {
        await repository.deleteVersion({ model: MODEL, version: step.version });
        return "deleted";
      };
      const outcomes = await both(remove, model.delete(step.version));
      // Whether its blobs stay until they are collected is each store's own.
      await repository.collectGarbage({ olderThanMs: 0 });
      model.collect();
      return outcomes;
    }
    case "move": {
      const { alias, version, ifRevision } = step;
      const move = async () => {
        const moved = await repository.moveAlias(MODEL, alias, { version, ifRevision, by: "me" });
        return moved ? `revision ${moved.revision}` : "removed";
      };
      return await both(move, model.move(alias, version, ifRevision));
    }
    case "collect":
      await repository.collectGarbage({ olderThanMs: 0 });
      model.collect();
      return ["", ""];
  }
}

/** All that can be seen of a repository. */
async function stateOf(repository: ModelRepository): Promise<unknown> {
  const versions: [number, string][] = [];
  for (const { version } of await repository.versions(MODEL)) {
    const ref = { model: MODEL, version };
    const { manifest } = (await repository.readManifest(ref))!;
    const bytes = await repository.readFile(ref, manifest.files[0]);
    versions.push([version, new TextDecoder().decode(bytes)]);
  }
  const history = await repository.history(MODEL);
  return {
    versions,
    aliases: await repository.aliases(MODEL),
    history: history.map(({ alias, from, to }) => `${alias} ${from} ${to}`),
  };
}

for (const store of ["directory", "kv"]) {
  Deno.test(`${store}: any steps end as they do in a few maps`, async () => {
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 40, size: "max" }),
      async (steps) => {
        const directory = await Deno.makeTempDir();
        const repository = await openRepository(store === "kv" ? `kv:${directory}/kv` : directory);
        const model = new MemoryModel();
        try {
          for (const step of steps) {
            const [actual, expected] = await perform(repository, model, step);
            assertEquals(actual, expected, JSON.stringify(step).slice(0, 200));
            if (step.do !== "send") continue;
            const offset = await repository.blobOffset(await blobOf(step.content));
            assertEquals(offset, model.blobs.get(step.content) ?? 0);
          }
          assertEquals(await stateOf(repository), model.state());
        } finally {
          repository.close();
          await Deno.remove(directory, { recursive: true });
        }
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
}

/** Moving a service's aliases: promote, roll back, and what happens when somebody else moves them. */
import { assertEquals, assertRejects } from "@std/assert";
import { promoteCandidate, rollBack } from "../../src/client/aliases.ts";
import { PushError, ServiceError } from "../../src/client/errors.ts";
import { nameVersion } from "../../src/client/push.ts";
import { RepositoryClient } from "../../src/client/repository_client.ts";
import { MODEL, pushVersion } from "../http/repository/harness.ts";
import { BreakingProxy } from "./breaking_proxy.ts";
import { startService } from "./harness.ts";

/** A service with versions 1 to 3. */
async function startWithVersions() {
  const service = startService();
  for (const version of [1, 2, 3]) {
    await pushVersion(service.app, version, { "config.json": `{"version":${version}}` });
  }
  const client = new RepositoryClient(service.options);
  const name = (version: number, alias = "production", settings = {}) =>
    nameVersion(client, { model: MODEL, version }, { alias, settings });
  const production = async () => (await client.aliases(MODEL)).get("production")?.version;
  return Object.assign(service, { client, name, production });
}

Deno.test("the candidate becomes production and is no candidate any more", async () => {
  await using service = await startWithVersions();
  await assertRejects(() => promoteCandidate(service.options), PushError, "no candidate");
  await service.name(1);
  await service.name(2, "candidate", { share: 0.1 });
  const { model, from, alias } = await promoteCandidate(service.options);
  assertEquals([model, from, alias.version, alias.settings], [MODEL, 1, 2, {}]);
  assertEquals([...(await service.client.aliases(MODEL)).keys()], ["production"]);
  assertEquals(service.models.production, 2);
  await service.name(2, "candidate", { share: 0.5 });
  assertEquals((await promoteCandidate(service.options)).alias.revision, 2, "it was there already");
  assertEquals((await service.client.aliases(MODEL)).has("candidate"), false);
});

Deno.test("production goes back to what it named before, and twice is back again", async () => {
  await using service = await startWithVersions();
  await assertRejects(() => rollBack(service.options), PushError, "named no other version before");
  await service.name(1);
  await assertRejects(() => rollBack(service.options), PushError, "before 1");
  await service.name(3);
  await service.name(2, "candidate");
  await service.name(3, "production", { shadow: 0.5 }); // other settings are no other version
  const back = await rollBack(service.options);
  assertEquals([back.from, back.alias.version, service.models.production], [3, 1, 1]);
  assertEquals((await rollBack(service.options)).alias.version, 3);
  await service.name(2);
  assertEquals((await rollBack(service.options)).alias.version, 3);
});

Deno.test("an alias that is as asked is left alone, and one that moved meanwhile too", async () => {
  await using service = await startWithVersions();
  const first = await service.name(1);
  assertEquals((await service.name(1)).revision, first.revision);
  await service.name(2);
  const stale = () => service.client.moveAlias(MODEL, "production", { seen: first, version: 3 });
  const error = await assertRejects(stale, ServiceError, "somebody moved it");
  assertEquals([error.status, await service.production()], [412, 2]);
});

Deno.test("a move whose answer was lost is known to have happened", async () => {
  await using service = await startWithVersions();
  const first = await service.name(1);
  let connections = 0;
  // The first answer of the proxy breaks off within its first line.
  await using proxy = new BreakingProxy(service.port, {
    afterBytes: () => undefined,
    afterAnswerBytes: () => connections++ === 0 ? 5 : undefined,
  });
  const client = new RepositoryClient({ ...service.options, to: proxy.origin });
  const moved = await client.moveAlias(MODEL, "production", { seen: first, version: 2 });
  assertEquals([moved.version, moved.revision, proxy.broken], [2, 2, 1]);
  assertEquals((await service.client.history(MODEL)).length, 2);
});

Deno.test("versions are listed with their aliases and what the service does with them", async () => {
  await using service = await startWithVersions();
  await service.name(2);
  service.models.bad.set(3, "its probe differs");
  const versions = await service.client.versions(MODEL);
  assertEquals(
    versions.map(({ version, aliases, state, reason }) => [
      ...[version, aliases.join(), state, reason],
    ]),
    [
      [1, "", "READY", ""],
      [2, "production", "READY", ""],
      [3, "", "UNAVAILABLE", "its probe differs"],
    ],
  );
});

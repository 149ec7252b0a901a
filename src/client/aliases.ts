/**
 * Moves of a service's aliases: the candidate becomes production, or production goes back.
 * @module
 */
import type { Alias } from "../repository/repository.ts";
import type { ServiceOptions } from "./connection.ts";
import { PushError } from "./errors.ts";
import { RepositoryClient } from "./repository_client.ts";

/** The alias that answers requests. */
export const PRODUCTION = "production";
/** The alias that answers a share of them. */
export const CANDIDATE = "candidate";

/** Of which model; the one that the service serves unless named. */
export interface AliasOptions extends ServiceOptions {
  /** Name of the model. */
  model?: string;
}

/** Where an alias was and is. */
export interface AliasMoved {
  /** Name of the model. */
  model: string;
  /** Version before; null for none. */
  from: number | null;
  /** The alias as it is now. */
  alias: Alias;
}

/**
 * Production names what the candidate named, and there is no candidate any more.
 * @throws {PushError} if there is no candidate
 */
export async function promoteCandidate(options: AliasOptions): Promise<AliasMoved> {
  const client = new RepositoryClient(options), model = await modelOf(client, options);
  const aliases = await client.aliases(model);
  const candidate = aliases.get(CANDIDATE), production = aliases.get(PRODUCTION);
  if (!candidate) {
    throw new PushError(`Cannot promote: ${model} has no candidate; push one with --canary`);
  }
  const from = production?.version ?? null;
  const alias = production?.version === candidate.version
    ? production
    : await client.moveAlias(model, PRODUCTION, {
      seen: production,
      version: candidate.version,
      settings: {},
    });
  await client.removeAlias(model, candidate);
  return { model, from, alias };
}

/**
 * Production names what it named before its last move; so twice is back again.
 * @throws {PushError} if it named nothing before
 */
export async function rollBack(options: AliasOptions): Promise<AliasMoved> {
  const client = new RepositoryClient(options), model = await modelOf(client, options);
  const [aliases, history] = await Promise.all([client.aliases(model), client.history(model)]);
  const production = aliases.get(PRODUCTION);
  const from = production?.version ?? null;
  const last = history.find((move) =>
    move.alias === PRODUCTION && move.to === from && move.from !== from && move.from !== null
  );
  if (!last) {
    throw new PushError(
      `Cannot roll back: ${PRODUCTION} of ${model} named no other version before ${
        from ?? "it was removed"
      }`,
    );
  }
  const { from: version } = last;
  const alias = await client.moveAlias(model, PRODUCTION, { seen: production, version: version! });
  return { model, from, alias };
}

async function modelOf(client: RepositoryClient, { model }: AliasOptions): Promise<string> {
  return model ?? await client.servedModel();
}

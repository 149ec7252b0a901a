/**
 * `dbn push`: sends a model directory to a running service.
 * @module
 */
import { CANDIDATE, PRODUCTION } from "../../../src/client/aliases.ts";
import { planPush, type PushPlan, type PushResult, sendPlan } from "../../../src/client/push.ts";
import type { Command } from "../../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../../src/cli/flags.ts";
import { modelFiles } from "../../../src/format/config.ts";
import { cut } from "../../../src/outside/shown.ts";
import type { AliasSettings } from "../../../src/repository/repository.ts";
import { compareCards, makeCard, readCard } from "./comparison.ts";
import { formatAlias, formatBytes } from "./format.ts";
import { addressFlag, readService, tokenFlags } from "./service_flags.ts";
import { createTransferBar } from "../terminal/transfer_bar.ts";

const flagTable: FlagTable = {
  to: addressFlag("URL of the service"),
  as: {
    kind: "string",
    help: "NAME or NAME/VERSION there",
    default: "the served model's name, and a free number",
  },
  alias: { kind: "string", group: "Alias", help: `alias to move there, such as ${PRODUCTION}` },
  canary: {
    kind: "number",
    group: "Alias",
    help: `make it the ${CANDIDATE}, for so many percent of requests`,
    range: [0, 100],
  },
  shadow: {
    kind: "number",
    group: "Alias",
    help: `make it the ${CANDIDATE} that classifies so many percent unseen, to be compared`,
    range: [0, 100],
  },
  ...tokenFlags,
};

/** `dbn push`. */
export const command: Command = {
  usage: "deno task dbn push DIRECTORY [flags]",
  about:
    `Sends a model to a running service, which checks it and serves it without a gap where an alias says
so. Sends only what the service lacks, and goes on after a broken connection; the same push again does
nothing new. Shows what changes before anything is sent.`,
  positionals: {
    directory: { kind: "path", help: "the model, such as models/mnist-dbn-quick/1" },
  },
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const directory = flags.directory as string, name = readAlias(flags);
  const service = await readService(flags, "to");
  const plan = await planPush(directory, { ...service, as: flags.as as string | undefined });
  await showPlan(plan);
  await warnOfUnserved(plan, name.alias);
  const bar = await createTransferBar("sending");
  let result: PushResult;
  try {
    const onProgress = (progress: { sentBytes: number; totalBytes: number }) =>
      bar.update(progress.sentBytes, progress.totalBytes);
    result = await sendPlan(plan, { ...name, onProgress });
  } finally {
    bar.stop();
  }
  showResult(result);
}

/** The alias that the flags ask for. @throws {FlagError} if they ask for two */
function readAlias(flags: FlagValues): { alias?: string; settings?: AliasSettings } {
  const { alias, canary, shadow } = flags as { alias?: string; canary?: number; shadow?: number };
  if (canary === undefined && shadow === undefined) return { alias };
  if (alias !== undefined && alias !== CANDIDATE) {
    throw new FlagError(
      `--canary and --shadow make it the ${CANDIDATE}: leave out --alias ${alias}`,
    );
  }
  const settings: AliasSettings = {
    ...canary !== undefined && { share: canary / 100 },
    ...shadow !== undefined && { shadow: shadow / 100 },
  };
  return { alias: CANDIDATE, settings };
}

/** Prints what it will be called there, and the figures of what answers now beside its own. */
async function showPlan({ client, local, version, versions, isThere }: PushPlan): Promise<void> {
  const { model, version: number } = version.manifest, from = local.manifest;
  const origin = client.connection.origin;
  console.log(`${from.model}/${from.version} → ${model}/${number} of ${origin}`);
  if (from.model !== model || from.version !== number) {
    console.log(`its config.json will say the name ${model} and the version ${number}`);
  }
  if (isThere) return console.log("the service has this version");
  const config = version.files.find(({ path }) => path === modelFiles.config)!;
  const own = makeCard(`${model}/${number}, new`, await config.read(), version.files);
  const answering = versions.find(({ aliases }) => aliases.includes(PRODUCTION)) ?? versions.at(-1);
  const old = answering && await readCard(
    client,
    { model, version: answering.version },
    [
      `${model}/${answering.version}`,
      ...answering.aliases.includes(PRODUCTION) ? [PRODUCTION] : [],
    ].join(", "),
  );
  console.log(`\n${compareCards(old ? [old, own] : [own])}\n`);
}

/** An alias of a model that the service does not serve: no request goes there. */
async function warnOfUnserved(
  { client, version: { manifest: { model } } }: PushPlan,
  alias: string | undefined,
): Promise<void> {
  if (alias === undefined) return;
  const served = await client.servedModel();
  if (served === model) return;
  console.error(
    `warning: the service serves ${
      cut(served)
    }, so that no request will go to ${model}; leave out --as`,
  );
}

function showResult({ model, version, digest, outcome, blobs, bytes, alias }: PushResult): void {
  const sent = blobs === 1 ? "1 file" : `${blobs} files`;
  const what = outcome === "created"
    ? `pushed ${model}/${version}: ${sent}, ${formatBytes(bytes)} sent`
    : `${model}/${version} was there`;
  console.log(`${what}; its digest is ${digest}`);
  if (alias) console.log(`${formatAlias(alias)} of ${model} is version ${alias.version}`);
}

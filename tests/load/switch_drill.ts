/**
 * A running server that gets new versions, goes back and is promoted, while clients classify and generate:
 * what they are answered, by which version, and how fast.
 * @module
 */
import { promoteCandidate, rollBack } from "../../src/client/aliases.ts";
import { createToken } from "../../src/http/tokens.ts";
import { residentBytes } from "../resident.ts";
import { delay, type RunningServer, startBy, startCommand } from "../serving/running_server.ts";
import { dbn, root } from "../train/cli/program.ts";
import { Latencies } from "./latencies.ts";
import { type Answer, type ClientsOptions, clock } from "./switch_clients.ts";

/** What a drill does. */
export interface SwitchOptions extends Pick<ClientsOptions, "clients"> {
  /** A checkout's copy, whose server is started. */
  checkout: string;
  /** Directories of versions, named by their numbers, pushed one after the other. */
  versions: readonly string[];
  /** Seconds of load before the first push, and between moves. */
  quietSeconds: number;
}

/** What a drill saw. */
export interface SwitchReport {
  answers: number;
  /** Classifications while no alias moved, and while one did. */
  before: Latencies;
  during: Latencies;
  /** Milliseconds of `dbn push --alias production`, from the start of its process. */
  pushes: number[];
  /** Milliseconds of going back, as who asks for it sees it, and until the old version first answers. */
  rollbacks: number[];
  firstAnswers: number[];
  /** Resident memory after each version, in MiB. */
  memory: number[];
  faults: string[];
}

/** A move of an alias, from when it was asked for until it was answered. */
interface Move {
  kind: "push" | "rollback" | "canary" | "promote";
  began: number;
  ended: number;
  /** Versions that answer when it is done; meanwhile those before it do too. */
  after: readonly number[];
}

/** Time until the server's worker has taken over, in seconds. */
const START_SECONDS = 3;

/** Runs a drill. */
export async function switchUnderLoad(options: SwitchOptions): Promise<SwitchReport> {
  const { token, entry } = await createToken({ name: "drill", scopes: ["push", "promote"] });
  const server = await startBy(await startCommand(options.checkout), [], {
    directory: options.checkout,
    env: { DBN_TOKENS: entry },
  });
  const clients = new Worker(new URL("./switch_clients.ts", import.meta.url), { type: "module" });
  try {
    return await switchVersions(server, clients, { ...options, token });
  } finally {
    clients.terminate();
    await server.stop();
  }
}

async function switchVersions(
  server: RunningServer,
  worker: Worker,
  { versions, clients, quietSeconds, token }: SwitchOptions & { token: string },
): Promise<SwitchReport> {
  const service = { to: server.origin, token }, moves: Move[] = [], memory: number[] = [];
  const quiet = () => delay(1000 * quietSeconds);
  const move = async (kind: Move["kind"], after: number[], work: () => Promise<unknown>) => {
    const began = clock();
    await work();
    moves.push({ kind, began, ended: clock(), after });
    await quiet();
  };
  const push = async (path: string, ...alias: string[]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...dbn, "push", path, "--to", server.origin, ...alias],
      cwd: root,
      env: { DBN_TOKEN: token, NO_COLOR: "1" },
    }).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  };
  let old = await servedVersion(server);
  worker.postMessage({ origin: server.origin, clients });
  await delay(1000 * START_SECONDS);
  const started = clock();
  await quiet();
  for (const path of versions) {
    const next = Number(path.split("/").at(-1));
    await move("push", [next], () => push(path, "--alias", "production"));
    await move("rollback", [old], () => rollBack(service));
    await move("canary", [old, next], () => push(path, "--canary", "10"));
    await move("promote", [next], () => promoteCandidate(service));
    memory.push((await residentBytes(server.pid) ?? NaN) / 2 ** 20);
    old = next;
  }
  const { answers, alike } = await new Promise<{ answers: Answer[]; alike: string[] }>(
    (resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage(null);
    },
  );
  const first = firstVersion(answers);
  const log = /.*"level":"error".*/.exec(server.log())?.[0];
  return {
    ...{ answers: answers.length, memory },
    ...latencies(answers, moves, started),
    pushes: durations(moves, "push"),
    rollbacks: durations(moves, "rollback"),
    firstAnswers: firstAnswers(answers, moves),
    faults: [
      ...alike,
      ...wrongAnswers(answers),
      ...wrongVersions(answers, moves, first),
      ...log ? [`the server's log has an error: ${log}`] : [],
    ],
  };
}

async function servedVersion({ origin }: RunningServer): Promise<number> {
  const response = await fetch(`${origin}/classify`, {
    ...{ method: "POST", headers: { "content-type": "application/octet-stream" } },
    body: new Uint8Array(784),
  });
  await response.body?.cancel();
  return Number(response.headers.get("model-version"));
}

function firstVersion(answers: readonly Answer[]): number {
  return answers.find(({ fault }) => !fault)?.version ?? NaN;
}

/** Classifications that began and ended in a move, or outside of all. */
function latencies(answers: readonly Answer[], moves: readonly Move[], started: number) {
  const before = new Latencies("before"), during = new Latencies("during a switch");
  for (const { kind, began, ended } of answers) {
    if (kind !== "classify" || began < started) continue;
    const isDuring = moves.some((move) => began <= move.ended && ended >= move.began);
    (isDuring ? during : before).record("200", ended - began);
  }
  return { before, during };
}

function durations(moves: readonly Move[], wanted: Move["kind"]): number[] {
  return moves.filter(({ kind }) => kind === wanted).map(({ began, ended }) => ended - began);
}

/** Milliseconds from a rollback's request to the first answer of the old version. */
function firstAnswers(answers: readonly Answer[], moves: readonly Move[]): number[] {
  return moves.filter(({ kind }) => kind === "rollback").map(({ began, after }) => {
    const ends = answers.filter((answer) => answer.began >= began && after.includes(answer.version))
      .map(({ ended }) => ended);
    return ends.reduce((a, b) => Math.min(a, b), Infinity) - began;
  });
}

function wrongAnswers(answers: readonly Answer[]): string[] {
  const counts = new Map<string, number>();
  for (const { kind, fault } of answers) {
    if (fault) counts.set(`${kind}: ${fault}`, 1 + (counts.get(`${kind}: ${fault}`) ?? 0));
  }
  return [...counts].map(([fault, count]) => `${count} times ${fault}`);
}

/** Answers by a version that was not there yet, or no more, when they were asked for. */
function wrongVersions(answers: readonly Answer[], moves: readonly Move[], first: number) {
  const counts = new Map<string, number>();
  for (const { began, ended, version, fault } of answers) {
    if (fault) continue;
    const last = moves.findLast((move) => move.ended < began)?.after ?? [first];
    const meanwhile = moves.filter((move) => move.ended >= began && move.began <= ended);
    const allowed = [...last, ...meanwhile.flatMap(({ after }) => after)];
    if (allowed.includes(version)) continue;
    const key = `version ${version} answered where only ${allowed.join(" and ")} may`;
    counts.set(key, 1 + (counts.get(key) ?? 0));
  }
  return [...counts].map(([fault, count]) => `${count} times ${fault}`);
}

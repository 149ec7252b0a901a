/**
 * Versions of one model in memory. A change of alias loads the new version beside the old one, which goes
 * on until the new one has passed every check; then new requests meet the new one, and the old one stays
 * warm for the way back.
 * @module
 */
import {
  NotFoundError,
  RepositoryUnreachableError,
  VersionInUseError,
} from "../repository/errors.ts";
import { pause } from "../repository/poll.ts";
import type { Alias, ModelRepository, VersionRef } from "../repository/repository.ts";
import { AdmissionGate, AdmissionRefused } from "./admission.ts";
import { LoadedVersion } from "./loaded.ts";
import { CANDIDATE, PRODUCTION, shareOf } from "./routing.ts";
import {
  type Lease,
  type ModelMetrics,
  type Readiness,
  type ServedModels,
  type ServedVersion,
  type VersionChoice,
  type VersionControl,
  VersionNotServedError,
  VersionRefusedError,
  type VersionState,
} from "./served.ts";

/** What a {@linkcode ModelPool} is made of. */
export interface PoolOptions {
  /** Opens the repository, at the first call. */
  repository: () => Promise<ModelRepository>;
  /** Answers until the repository's production version is loaded, and where it cannot be. */
  bundled: ServedVersion;
  /** Loads a version and checks it: see `loadVersion`. */
  load(ref: VersionRef): Promise<ServedVersion>;
  /**
   * Versions in memory at the same time, those that run out not counted.
   * @default 3: production, candidate, and the one before
   */
  maxVersions?: number;
  /**
   * Mean milliseconds until a repository that failed is asked again.
   * @default 5000
   */
  retryMs?: number;
  /** Hears of switches and refusals. @default silence */
  log?: (record: { level: "info" | "error" } & Record<string, unknown>) => void;
}

/** A version that was not loaded. */
interface Refusal {
  reason: string;
  /** What the aliases were when it failed a check: it is tried again when they have changed. */
  seen: string | undefined;
}

/** Versions that are read and opened at the same time: each holds its files and an engine. */
const MAX_LOADING = 2;
/** Versions that wait to be loaded, and how long one may, in milliseconds. */
const MAX_WAITING = 64, MAX_WAIT_MS = 30_000;
/** Versions whose refusal is remembered; the one that was refused first is forgotten first. */
const MAX_REFUSED = 100;

/** Milliseconds for which a version is taken for the repository's after it was seen there. */
const SEEN_MS = 1000;

/** Versions of one model; see the module's words. */
export class ModelPool implements ServedModels {
  /** Name of the model. */
  readonly model: string;
  readonly control: VersionControl;
  readonly #options: Required<PoolOptions>;
  readonly #bundled: LoadedVersion;
  readonly #loaded = new Map<number, LoadedVersion>();
  readonly #loading = new Map<number, Promise<LoadedVersion>>();
  readonly #gate = new AdmissionGate({ places: MAX_LOADING, maxWaiting: MAX_WAITING });
  readonly #refused = new Map<number, Refusal>();
  #aliases: readonly Alias[] = [];
  #production: LoadedVersion;
  #candidate: LoadedVersion | undefined;
  /** Why the bundled version, or an older one, answers instead of what production names. */
  #fallback: string | undefined;
  /** Whether what the aliases say could not be done, and may be later. */
  #isBehind = false;
  #syncing: Promise<void> = Promise.resolve();
  #uses = 0;
  readonly #requests = new Map<number, number>();
  #disposed = false;
  readonly #metrics: Omit<ModelMetrics, "requests"> = {
    refusals: 0,
    switches: 0,
    shadow: { compared: 0, disagreed: 0 },
  };

  /** A pool that begins with the bundled version alone. */
  constructor(options: PoolOptions) {
    this.#options = { maxVersions: 3, retryMs: 5000, log: () => {}, ...options };
    this.model = options.bundled.model;
    this.#bundled = this.#production = new LoadedVersion(options.bundled);
    this.#loaded.set(options.bundled.version, this.#bundled);
    this.control = {
      load: async (version) => void await this.#ensure(version, "control"),
      unload: (version) => this.#unload(version),
      sync: () => this.#sync(),
    };
  }

  /** A version for a request, which holds it until it is released. See `ServedModels.lease`. */
  lease({ pinned, key }: VersionChoice): Lease {
    const chosen = pinned === undefined ? this.#choose(key) : this.#pinned(pinned);
    const { version } = chosen.served;
    this.#requests.set(version, 1 + (this.#requests.get(version) ?? 0));
    chosen.usedAt = ++this.#uses;
    const shadow = chosen === this.#production ? this.#shadowFor(key) : undefined;
    return { served: chosen.served, shadow, release: chosen.lease() };
  }

  #pinned(version: number): LoadedVersion {
    const loaded = this.#loaded.get(version);
    if (loaded) return loaded;
    throw new VersionNotServedError(version, [...this.#loaded.keys()].sort((a, b) => a - b));
  }

  #choose(key: string): LoadedVersion {
    const share = this.#candidateSettings()?.share ?? 0;
    return this.#candidate && shareOf(key) < share ? this.#candidate : this.#production;
  }

  #shadowFor(key: string) {
    const share = this.#candidateSettings()?.shadow ?? 0;
    if (!this.#candidate || shareOf(`shadow ${key}`) >= share) return undefined;
    return this.#candidate.asShadow((compared, disagreed) => {
      this.#metrics.shadow.compared += compared;
      this.#metrics.shadow.disagreed += disagreed;
    });
  }

  #candidateSettings() {
    return this.#aliases.find(({ alias }) => alias === CANDIDATE)?.settings;
  }

  /** Follows the repository until `signal` is aborted. */
  async watch(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow(signal), this.#catchUp(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    await this.#sync();
    while (!signal.aborted) {
      try {
        const repository = await this.#options.repository();
        for await (const _ of repository.changes(this.model, signal)) {
          if (signal.aborted) return;
          await this.#sync();
        }
      } catch (error) { // whatever a store throws, it is asked again
        if (!(error instanceof Error)) throw error;
        this.#fallBack(error.message);
        await this.#pause(signal);
        await this.#sync();
      }
    }
  }

  /** Tries again what failed for no fault of its own: a repository tells of changes, and this is none. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#pause(signal);
      if (this.#isBehind && !signal.aborted) await this.#sync();
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return pause(this.#options.retryMs * (0.8 + 0.4 * Math.random()), signal);
  }

  /** One after the other, so that the last one to begin is the last one to switch. */
  #sync(): Promise<void> {
    const next = this.#syncing.then(() => this.#syncNow());
    this.#syncing = next;
    return next;
  }

  /** Never rejects: what goes wrong is said in readiness and in the log, and what answers goes on. */
  async #syncNow(): Promise<void> {
    if (this.#disposed) return;
    try {
      this.#aliases = await (await this.#options.repository()).aliases(this.model);
    } catch (error) { // whatever a store throws, requests are answered
      if (!(error instanceof Error)) throw error;
      this.#fallBack(error.message);
      this.#isBehind = true;
      return;
    }
    this.#isBehind = false;
    const production = this.#versionOf(PRODUCTION), candidate = this.#versionOf(CANDIDATE);
    if (production === undefined) this.#fallback = undefined;
    else await this.#switchTo(production);
    const old = this.#candidate;
    const next = candidate === undefined ? undefined : await this.#tryEnsure(candidate);
    this.#candidate = typeof next === "string" ? undefined : next;
    if (old) this.#freeIfReplaced(old);
    this.#evict();
  }

  #versionOf(alias: string): number | undefined {
    return this.#aliases.find((entry) => entry.alias === alias)?.version;
  }

  async #switchTo(version: number): Promise<void> {
    const loaded = await this.#tryEnsure(version);
    if (typeof loaded === "string") return this.#fallBack(loaded);
    this.#fallback = undefined;
    if (loaded === this.#production) return;
    const old = this.#production, from = old.served.version;
    old.usedAt = ++this.#uses; // the way back stays warm the longest
    this.#production = loaded;
    loaded.usedAt = ++this.#uses;
    this.#freeIfReplaced(old);
    this.#metrics.switches++;
    const { digest } = loaded.served;
    this.#options.log({ level: "info", model: this.model, production: version, from, digest });
  }

  /** Frees a version whose number another one has now: the bundled one may differ from the repository's. */
  #freeIfReplaced(old: LoadedVersion): void {
    if (this.#loaded.get(old.served.version) === old) return;
    if (old !== this.#production && old !== this.#candidate) old.retire();
  }

  #fallBack(reason: string): void {
    if (this.#fallback !== reason) {
      const { version } = this.#production.served;
      this.#options.log({
        level: "error",
        model: this.model,
        answering: version,
        fallback: reason,
      });
    }
    this.#fallback = reason;
  }

  /**
   * A version, loaded, or the reason why not. A version that was refused for its own fault is not tried again
   * while the aliases stay as they are.
   */
  async #tryEnsure(version: number): Promise<LoadedVersion | string> {
    const refusal = this.#refused.get(version);
    if (refusal && refusal.seen === this.#seen()) return refusal.reason;
    try {
      for (;;) {
        const loaded = await this.#ensure(version, "aliases");
        if (!loaded.isRetired) return loaded; // else another load or an unload came in between
      }
    } catch (error) { // an error of any kind leaves what answers as it is
      if (!(error instanceof Error)) throw error;
      if (!(error instanceof VersionRefusedError)) this.#isBehind = true;
      return error.message;
    }
  }

  /**
   * A version, loaded now or before; loads of the same version are one.
   * @param client who asks: those who follow aliases and those who load by hand take turns
   */
  #ensure(version: number, client: "aliases" | "control"): Promise<LoadedVersion> {
    const running = this.#loading.get(version);
    if (running) return running;
    const loading = this.#load(version, client).finally(() => this.#loading.delete(version));
    this.#loading.set(version, loading);
    return loading;
  }

  async #load(version: number, client: string): Promise<LoadedVersion> {
    try {
      const before = this.#loaded.get(version);
      if (before && await this.#isSame(before) && !before.isRetired) return before;
      const loaded = new LoadedVersion(await this.#open(version, client));
      if (this.#disposed) {
        loaded.retire();
        throw new VersionRefusedError("The server is stopping");
      }
      this.#refused.delete(version);
      this.#loaded.set(version, loaded);
      loaded.usedAt = ++this.#uses;
      if (before) this.#freeIfReplaced(before);
      this.#evict(loaded);
      return loaded;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#refuse(version, error);
      throw error;
    }
  }

  /** Reads and opens a version when its turn comes. */
  async #open(version: number, client: string): Promise<ServedVersion> {
    const place = await this.#gate.enter({ client, maxWaitMs: MAX_WAIT_MS });
    try {
      return await this.#options.load({ model: this.model, version });
    } finally {
      place.release();
    }
  }

  #refuse(version: number, error: Error): void {
    if (error instanceof AdmissionRefused) return; // it was not looked at
    const isItsFault = error instanceof VersionRefusedError;
    const before = this.#refused.get(version);
    const seen = isItsFault ? this.#seen() : undefined;
    this.#refused.delete(version); // so that it comes last
    this.#refused.set(version, { reason: error.message, seen });
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > MAX_REFUSED) this.#refused.delete(oldest);
    if (isItsFault) this.#metrics.refusals++;
    if (before?.reason === error.message && before.seen === seen) return; // it was said
    this.#options.log({ level: "error", model: this.model, version, refused: error.message });
  }

  /**
   * Whether a loaded version is the repository's of that number: the bundled one may be another, and a
   * version may have been removed and made anew. Where that cannot be known, what was loaded from it stays.
   */
  async #isSame(loaded: LoadedVersion): Promise<boolean> {
    const { model, version, digest } = loaded.served, now = performance.now();
    if (now - loaded.seenAt < SEEN_MS) return true;
    try {
      const repository = await this.#options.repository();
      const stored = await repository.readManifest({ model, version });
      if (stored?.digest !== digest) return false;
      loaded.seenAt = now;
      return true;
    } catch (error) {
      if (loaded === this.#bundled || !(error instanceof RepositoryUnreachableError)) throw error;
      return true;
    }
  }

  /** The aliases as one text. */
  #seen(): string {
    return JSON.stringify(this.#aliases);
  }

  /**
   * Frees what was used longest ago, until no more than `maxVersions` are loaded.
   * @param loaded one that was loaded just now, and stays
   */
  #evict(loaded?: LoadedVersion): void {
    const needed = [this.#production, this.#candidate, loaded];
    const others = [...this.#loaded.values()].filter((version) => !needed.includes(version))
      .sort((a, b) => a.usedAt - b.usedAt);
    while (this.#loaded.size > this.#options.maxVersions && others.length > 0) {
      this.#retire(others.shift()!);
    }
  }

  #retire(version: LoadedVersion): void {
    this.#loaded.delete(version.served.version);
    version.retire();
  }

  // deno-lint-ignore require-await -- its errors are rejections
  async #unload(version: number): Promise<void> {
    const loaded = this.#loaded.get(version);
    if (!loaded) throw new NotFoundError(`Version ${version} of ${this.model} is not loaded`);
    if (loaded === this.#production || loaded === this.#candidate) {
      throw new VersionInUseError(
        { model: this.model, version },
        this.#aliasesOf(version),
        "unload",
      );
    }
    this.#retire(loaded);
  }

  #aliasesOf(version: number): string[] {
    return this.#aliases.filter((alias) => alias.version === version).map(({ alias }) => alias);
  }

  /** Which version answers, and why not the one that production names. */
  readiness(): Readiness {
    const { version } = this.#production.served;
    return { version, ...(this.#fallback !== undefined && { fallback: this.#fallback }) };
  }

  states(): VersionState[] {
    const states = new Map<number, VersionState>();
    const add = (version: number, state: Omit<VersionState, "version" | "aliases">) =>
      states.set(version, { version, ...state, aliases: this.#aliasesOf(version) });
    for (const [version, { reason }] of this.#refused) add(version, { status: "refused", reason });
    for (const version of this.#loading.keys()) add(version, { status: "loading" });
    for (const [version, { served: { digest } }] of this.#loaded) {
      add(version, { status: "ready", digest });
    }
    return [...states.values()].sort((a, b) => a.version - b.version);
  }

  metrics(): ModelMetrics {
    return { ...this.#metrics, requests: new Map(this.#requests) };
  }

  drain(): void {
    for (const { served } of this.#loaded.values()) served.compute.drain?.();
  }

  /** Ends the computing of every version. */
  dispose(): void {
    this.#disposed = true;
    const all = new Set([...this.#loaded.values(), this.#production]);
    for (const { served } of all) served.compute.dispose();
  }
}

/**
 * What a push changes: the figures of the version that answers now and of the new one, side by side.
 * @module
 */
import type { RepositoryClient } from "../../../src/client/repository_client.ts";
import { checkConfig, type ModelConfig, modelFiles } from "../../../src/format/config.ts";
import type { ManifestFile } from "../../../src/format/manifest.ts";
import { isObject } from "../../../src/format/safetensors.ts";
import { cut } from "../../../src/outside/shown.ts";
import type { VersionRef } from "../../../src/repository/repository.ts";
import { formatBytes, formatRows } from "./format.ts";

/** A version's config and the bytes of its files. */
export interface Card {
  title: string;
  config: ModelConfig;
  bytes: number;
}

/** The card of a version that a service has; undefined where it has none. */
export async function readCard(
  client: RepositoryClient,
  ref: VersionRef,
  title: string,
): Promise<Card | undefined> {
  const stored = await client.manifest(ref);
  const file = stored?.manifest.files.find(({ path }) => path === modelFiles.config);
  if (!stored || !file) return undefined;
  return makeCard(title, await client.file(ref, file), stored.manifest.files);
}

/** A card of the bytes of config.json. */
export function makeCard(
  title: string,
  config: Uint8Array,
  files: readonly ManifestFile[],
): Card {
  const parsed = JSON.parse(new TextDecoder().decode(config));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return { title, config: checkConfig(parsed), bytes };
}

/** Cards side by side: a row a figure, in the order of the first card that has it. */
export function compareCards(cards: readonly Card[]): string {
  const columns = cards.map(figuresOf);
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  return formatRows([
    ["", ...cards.map(({ title }) => title)],
    ...names.map((name) => [name, ...columns.map((column) => column.get(name) ?? "–")]),
  ]);
}

/** What a card says, by name. */
function figuresOf({ config, bytes }: Card): Map<string, string> {
  const { layers, top } = config.architecture, figures = new Map<string, string>();
  addFigures(figures, "", config.evaluation ?? {});
  figures.set("layers", [...layers, top].join("-"));
  figures.set("size", formatBytes(bytes));
  return figures;
}

/** Every figure of an evaluation, nested or not: error rates with their intervals, numbers, texts. */
function addFigures(figures: Map<string, string>, prefix: string, value: object): void {
  for (const [key, figure] of Object.entries(value)) {
    const name = cut(`${prefix}${key}`);
    if (typeof figure === "number") figures.set(name, figure.toLocaleString("en"));
    else if (typeof figure === "string") figures.set(name, cut(figure));
    else if (isObject(figure)) {
      const rate = errorRate(figure);
      if (rate) figures.set(name, rate);
      else addFigures(figures, `${name}.`, figure);
    }
  }
}

/** `0.46 % (0.34 – 0.61), 46 wrong`, where it is an error rate. */
function errorRate({ percent, interval, wrong }: Record<string, unknown>): string | undefined {
  if (typeof percent !== "number") return undefined;
  const isRange = Array.isArray(interval) && interval.length === 2 &&
    interval.every((bound) => typeof bound === "number");
  const range = isRange ? ` (${interval[0].toFixed(2)} – ${interval[1].toFixed(2)})` : "";
  return `${percent.toFixed(2)} %${range}${typeof wrong === "number" ? `, ${wrong} wrong` : ""}`;
}

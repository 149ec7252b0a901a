/**
 * `GET /metrics`: what is counted of versions and of the gates, in Prometheus' text format.
 * @module
 */
import { Hono } from "hono";
import type { Registry } from "prom-client";
import { importLater } from "../../outside/import_later.ts";
import { kept } from "../../outside/kept.ts";
import type { Service } from "../service.ts";
import type { Answer } from "../typed.ts";

/** The routes of this resource; their library is loaded by the first request. */
export function metricsRoutes(service: Service) {
  const registry = kept(() => makeRegistry(service));
  return new Hono().get("/", async (c) => {
    const all = await registry();
    const answer = c.body(await all.metrics(), 200, {
      "content-type": all.contentType,
      "cache-control": "no-store",
    });
    return answer as unknown as Answer<string, 200, "text">;
  });
}

type Labels = Record<string, string | number>;

/** Counters, whose names end in `_total`, and gauges; they read the service when they are asked. */
async function makeRegistry({ models, gates }: Service): Promise<Registry> {
  const { Counter, Gauge, Registry } = await importLater<
    typeof import("../../packages/prom_client.ts")
  >("../../packages/prom_client.ts", import.meta.url);
  const registry = new Registry(), { model } = models;
  const tell = (
    name: string,
    help: string,
    labelNames: string[],
    collect: (set: (labels: Labels, value: number) => void) => void,
  ) => {
    const Kind = name.endsWith("_total") ? Counter : Gauge;
    new Kind({
      name: `dbn_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        collect((labels, value) => this.inc(labels, value));
      },
    });
  };
  tell("requests_total", "Requests by version", ["model", "version"], (set) => {
    for (const [version, count] of models.metrics().requests) set({ model, version }, count);
  });
  const counts: [name: string, help: string, read: () => number][] = [
    ["switches_total", "Changes of the version that answers", () => models.metrics().switches],
    ["refusals_total", "Versions that failed a check", () => models.metrics().refusals],
    [
      "shadow_compared_total",
      "Images that a candidate classified unseen",
      () => models.metrics().shadow.compared,
    ],
    [
      "shadow_disagreed_total",
      "Those of them with another label",
      () => models.metrics().shadow.disagreed,
    ],
    ["version", "The version that answers", () => models.readiness().version],
    [
      "fallback",
      "1 where it is not the one that production names",
      () => models.readiness().fallback === undefined ? 0 : 1,
    ],
  ];
  for (const [name, help, read] of counts) {
    tell(name, help, ["model"], (set) => set({ model }, read()));
  }
  tell("running", "Requests that have a place", ["kind"], (set) => {
    for (const [kind, gate] of Object.entries(gates)) set({ kind }, gate.running);
  });
  tell("waiting", "Requests that wait for one", ["kind"], (set) => {
    for (const [kind, gate] of Object.entries(gates)) set({ kind }, gate.waiting);
  });
  return registry;
}

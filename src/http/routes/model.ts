/**
 * `GET /model`: the config and the card, or with `Accept: text/markdown` the card alone.
 * @module
 */
import { Hono } from "hono";
import { accepts } from "hono/accepts";
import { etag } from "hono/etag";
import type { RequestIdVariables } from "hono/request-id";
import type { ModelAnswer } from "../../api/answers.ts";
import type { VersionedInput } from "../../api/requests.ts";
import { readQuery } from "../query.ts";
import type { Service } from "../service.ts";
import { type Answer, json, takes } from "../typed.ts";
import { VERSION_HEADER, type VersionEnv, versionParameter, withVersion } from "../versions.ts";

/** The routes of this resource. */
export function modelRoutes(service: Service) {
  const app = new Hono<VersionEnv & { Variables: RequestIdVariables }>();
  const version = withVersion(service, (c) => c.get("requestId"));
  return app.get("/", version, etag(), takes<VersionedInput>(), async (c) => {
    readQuery(c.req.queries(), versionParameter);
    const { compute, config, readCard } = c.get("version").served, card = await readCard();
    const type = accepts(c, {
      header: "Accept",
      supports: ["application/json", "text/markdown"],
      default: "application/json",
    });
    c.header("vary", `Accept, ${VERSION_HEADER}`);
    c.header("cache-control", "public, no-cache");
    if (type === "text/markdown") {
      const markdown = c.body(card ?? "", 200, { "content-type": "text/markdown; charset=utf-8" });
      return markdown as unknown as Answer<string, 200, "text">;
    }
    return json<ModelAnswer>(c, {
      engine: compute.engineName,
      threads: compute.threads(),
      config,
      card: card ?? null,
    });
  });
}

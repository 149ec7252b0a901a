/**
 * `GET /model`: the config and the card, or with `Accept: text/markdown` the card alone.
 * @module
 */
import { Hono } from "hono";
import { accepts } from "hono/accepts";
import { etag } from "hono/etag";
import type { Service } from "../service.ts";

/** The routes of this resource. */
export function modelRoutes({ model, compute, readCard }: Service) {
  return new Hono().get("/", etag(), async (c) => {
    const card = await readCard();
    const type = accepts(c, {
      header: "Accept",
      supports: ["application/json", "text/markdown"],
      default: "application/json",
    });
    c.header("vary", "Accept");
    c.header("cache-control", "public, max-age=60");
    if (type === "text/markdown") {
      return c.body(card ?? "", 200, { "content-type": "text/markdown; charset=utf-8" });
    }
    return c.json({
      engine: compute.engineName,
      threads: compute.threads(),
      config: model.config,
      card: card ?? null,
    });
  });
}

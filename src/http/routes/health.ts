/**
 * `GET /health/live` and `GET /health/ready`.
 * @module
 */
import { Hono } from "hono";
import type { Service } from "../service.ts";
import { HttpProblem } from "../problem.ts";

/** The routes of this resource. */
export function healthRoutes({ shutdown, models }: Service) {
  return new Hono()
    .get("/live", (c) => c.json({ status: "live" }, 200, { "cache-control": "no-store" }))
    .get("/ready", (c) => {
      if (shutdown.aborted) throw new HttpProblem(503, "The server is stopping");
      const { model } = models, ready = models.readiness();
      return c.json({ status: "ready", model, ...ready }, 200, { "cache-control": "no-store" });
    });
}

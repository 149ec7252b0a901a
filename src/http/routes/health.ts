/**
 * `GET /health/live` and `GET /health/ready`.
 * @module
 */
import { Hono } from "hono";
import type { LiveAnswer, ReadyAnswer } from "../../api/answers.ts";
import type { Service } from "../service.ts";
import { json } from "../typed.ts";
import { HttpProblem } from "../problem.ts";

const headers = { "cache-control": "no-store" };

/** The routes of this resource. */
export function healthRoutes({ shutdown, models }: Service) {
  return new Hono()
    .get("/live", (c) => json<LiveAnswer>(c, { status: "live" }, { headers }))
    .get("/ready", (c) => {
      if (shutdown.aborted) throw new HttpProblem(503, "The server is stopping");
      const { model } = models, ready = models.readiness();
      return json<ReadyAnswer>(c, { status: "ready", model, ...ready }, { headers });
    });
}

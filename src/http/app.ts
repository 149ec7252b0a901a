/**
 * The HTTP service as a Hono app. It touches no file, clock, environment or console by itself: what it
 * needs comes in through {@linkcode createApp}'s options.
 * @module
 */
import { Hono, type Schema } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import { classifyRoutes } from "./routes/classify.ts";
import { generateRoutes } from "./routes/generate.ts";
import { healthRoutes } from "./routes/health.ts";
import { indexRoutes } from "./routes/index_page.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { modelRoutes } from "./routes/model.ts";
import { repositoryHandler } from "./routes/repository.ts";
import { cut } from "../outside/shown.ts";
import { HttpProblem, methodNotAllowed, problemResponse, toProblem } from "./problem.ts";
import type { AppSchema } from "./schema.ts";
import { type AppOptions, resolveOptions, type Service } from "./service.ts";
import { VERSION_HEADER } from "./versions.ts";

/** What the app keeps of a request while it answers. */
export type AppEnv = {
  Variables: {
    requestId: string;
    /** Name of the token that the request carried, for its line of the log. */
    token?: string;
  };
};

/**
 * Hono's own class, which has its own documentation.
 * @internal
 */
export type HonoApp<S extends Schema> = Hono<AppEnv, S, "/">;

/**
 * Type of the app, for Hono's typed client: `hc<AppType>(url)` from `hono/client`. Every answer is one of a
 * route's own or a {@linkcode Problem}; `response.ok` or `response.status` says which.
 */
export type AppType = HonoApp<AppSchema>;

/**
 * The service: `POST /classify`, `GET /generate`, `GET /model`, `GET /health/live|ready`, `GET /`, and
 * under `/v2` the model repository.
 *
 * @example
 * ```ts
 * const model = await loadModel();
 * const app = createApp({ model, engine: await openEngine(model) });
 * Deno.serve(app.fetch);
 * ```
 */
export function createApp(options: AppOptions): AppType {
  const service = resolveOptions(options);
  const app = new Hono<AppEnv>();
  app.use(requestId({ limitLength: 128 }));
  app.use(async (c, next) => {
    const started = service.nowMs();
    await next();
    const token = c.get("token");
    service.log({
      level: c.res.status >= 500 ? "error" : "info",
      requestId: c.get("requestId"),
      method: cut(c.req.method),
      path: cut(c.req.path),
      status: c.res.status,
      ...token !== undefined && { token },
      durationMs: Math.round(10 * (service.nowMs() - started)) / 10,
    });
  });
  app.use(secureHeaders({
    crossOriginResourcePolicy: "cross-origin",
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      imgSrc: ["'self'"],
      styleSrc: ["'unsafe-inline'"],
      frameAncestors: ["'none'"],
    },
  }));
  if (options.cors ?? true) {
    app.use(cors({
      origin: "*",
      allowMethods: ["GET", "HEAD", "POST"],
      exposeHeaders: ["ETag", "Retry-After", "X-Seed", "X-Request-Id", VERSION_HEADER],
    }));
  }
  app.onError((error, c) => {
    const problem = toProblem(error);
    if (problem.status === 500) {
      service.log({
        level: "error",
        requestId: c.get("requestId"),
        error: error.stack ?? `${error}`,
      });
    }
    return problemResponse(c, problem);
  });
  app.notFound((c) =>
    problemResponse(
      c,
      new HttpProblem(404, `There is no ${cut(c.req.path)}; GET / lists what there is`),
    )
  );
  const repository = repositoryHandler(service);
  app.all("/v2/repository/*", repository).all("/v2/models/:model/versions/:version", repository);
  // The schema names the routes of the repository too, which are loaded later.
  return withRoutes(app, service) as unknown as AppType;
}

/** Mounts what answers by a model. Its type is Hono's own inference, which the schema is compared with. */
export function withRoutes(app: Hono<AppEnv>, service: Service) {
  return app
    .route("/", indexRoutes(service))
    .route("/classify", classifyRoutes(service))
    .route("/generate", generateRoutes(service))
    .route("/model", modelRoutes(service))
    .route("/health", healthRoutes(service))
    .route("/metrics", metricsRoutes(service))
    .all("/classify", methodNotAllowed("/classify", "POST"))
    .all("/generate", methodNotAllowed("/generate", "GET", "HEAD"))
    .all("/metrics", methodNotAllowed("/metrics", "GET", "HEAD"))
    .all("/model", methodNotAllowed("/model", "GET", "HEAD"))
    .all("/health/live", methodNotAllowed("/health/live", "GET", "HEAD"))
    .all("/health/ready", methodNotAllowed("/health/ready", "GET", "HEAD"))
    .all("/", methodNotAllowed("/", "GET", "HEAD"));
}

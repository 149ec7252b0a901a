/**
 * What the routes of a repository share, and what a request of theirs carries.
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import type { ModelRepository } from "../../repository/repository.ts";
import { AdmissionGate } from "../../serving/admission.ts";
import type { ServedModels } from "../../serving/served.ts";
import type { Bounds } from "../bounds.ts";
import { clientOf } from "../client_of.ts";
import { HttpProblem } from "../problem.ts";
import type { LogRecord } from "../service.ts";
import type { TokenRecord } from "../tokens.ts";
import { type Answer, type AnswerStatus, json } from "../typed.ts";

/** What the routes need of the service. */
export interface RepositoryService {
  models: ServedModels;
  /** Where versions are; without it there is nothing to read or write. */
  repository?: ModelRepository;
  /** Who may write: nobody where there are none. */
  tokens?: readonly TokenRecord[];
  bounds: Pick<
    Bounds,
    | "maxWaiting"
    | "maxWaitMs"
    | "bodyTimeoutMs"
    | "readTimeoutMs"
    | "maxUploads"
    | "maxDownloads"
    | "maxReading"
  >;
  log: (record: LogRecord) => void;
  /** Aborted when the server stops. */
  shutdown: AbortSignal;
}

/** In front of everything that reads or writes the repository: places for blobs, files, and the rest. */
export interface RepositoryGates {
  uploads: AdmissionGate;
  downloads: AdmissionGate;
  others: AdmissionGate;
}

/** What every resource works with. */
export interface RepositoryRoutes extends RepositoryService {
  gates: RepositoryGates;
}

/** What a request's context holds. */
export interface RepositoryEnv {
  Bindings: {
    /** Called with the name of the request's token, for the log. */
    onToken?: (name: string) => void;
  };
  Variables: {
    /** Name of the request's token, or `anonymous` where none is needed. */
    by: string;
    /** Keeps the request's place past its handlers, for a body that is still being sent. @returns what ends it */
    keepPlace: () => () => void;
  };
}

/** The service and its gates, which stop with it. */
export function withGates(service: RepositoryService): RepositoryRoutes {
  const { bounds: { maxUploads, maxDownloads, maxReading, maxWaiting }, shutdown } = service;
  const gates = {
    uploads: new AdmissionGate({ places: maxUploads, maxWaiting }),
    downloads: new AdmissionGate({ places: maxDownloads, maxWaiting }),
    others: new AdmissionGate({ places: maxReading, maxWaiting }),
  };
  const stop = () => Object.values(gates).forEach((gate) => gate.stop());
  if (shutdown.aborted) stop();
  else shutdown.addEventListener("abort", stop, { once: true });
  return { ...service, gates };
}

/** Holds a place of a gate while the handlers behind it run, or until one who keeps it has ended. */
export function inPlace(
  { bounds: { maxWaitMs }, gates }: RepositoryRoutes,
  gate: keyof RepositoryGates,
): MiddlewareHandler<RepositoryEnv> {
  return async (c, next) => {
    const place = await gates[gate].enter({ client: clientOf(c), maxWaitMs });
    let isKept = false;
    c.set("keepPlace", () => {
      isKept = true;
      return () => place.release();
    });
    try {
      await next();
    } finally {
      if (!isKept) place.release();
    }
  };
}

/** The repository. @throws {HttpProblem} 404 where the service has none */
export function repositoryOf({ repository }: RepositoryService): ModelRepository {
  if (repository) return repository;
  throw new HttpProblem(404, "This service has no repository; it serves one model for good");
}

/** What is true of every answer of the repository: the next may differ. */
export const noStore = { "cache-control": "no-store" };

/** A JSON answer that nobody keeps. */
export function answer<Body extends object, Status extends AnswerStatus = 200>(
  c: Context,
  body: Body,
  status?: Status,
): Answer<Body, Status> {
  return json<Body, Status>(c, body, { status, headers: noStore });
}

/**
 * What routes tell Hono's typed client: inputs that handlers read by themselves, and types of answers.
 * @module
 */
import type { Context, Env, Hono, MiddlewareHandler, Schema, TypedResponse } from "hono";

/** Statuses of answers that have a JSON body. */
export type AnswerStatus = 200 | 201 | 202;

/** An answer of a known type, as clients read it. */
export type Answer<
  Body,
  Status extends AnswerStatus | 204 | 304 | 404 = 200,
  Format extends string = "json",
> =
  & Response
  & TypedResponse<Body, Status, Format>;

/** Names a route's input, whose handler reads and checks it; does nothing itself. */
export function takes<In extends object>(): MiddlewareHandler<
  Env,
  string,
  { in: In; out: In }
> {
  return (_, next) => next();
}

/** Routes whose handlers of `GET` take `HEAD` alone: Hono calls them for both. */
export type HeadInsteadOfGet<App> = App extends Hono<infer E, infer S, infer Base>
  ? Renamed<S> extends infer R extends Schema ? Hono<E, R, Base> : never
  : never;

type Renamed<S> = {
  [Path in keyof S]: {
    [Method in keyof S[Path] as Method extends "$get" ? "$head" : Method]: S[Path][Method];
  };
};

/** A JSON answer of a declared type, such as `interface` declares it. */
export function json<Body extends object, Status extends AnswerStatus = 200>(
  c: Context,
  body: Body,
  { status, headers }: { status?: Status; headers?: Record<string, string> } = {},
): Answer<Body, Status> {
  return c.json(body, status ?? 200, headers) as unknown as Answer<Body, Status>;
}

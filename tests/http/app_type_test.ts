/**
 * The schema that is written out for clients is the one that Hono infers of the routes. The proofs are types:
 * where one does not hold, this file does not compile.
 */
import { assertEquals } from "@std/assert";
import type { ExtractSchema } from "hono/types";
import type { withRoutes } from "../../src/http/app.ts";
import type { repositoryRoutes } from "../../src/http/repository/routes.ts";
import type { AppSchema, RepositoryRoutes, ServingRoutes } from "../../src/http/schema.ts";
import { testApp } from "./harness.ts";

/** Whether two types are one. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** A type whose intersections are merged, all the way down. */
type Merged<T> = T extends Uint8Array ? T : T extends object ? { [K in keyof T]: Merged<T[K]> } : T;

/**
 * A schema in one form: every route's answers as a union, a status each; without the parameters of its path,
 * where Hono infers any name that is a string.
 */
type Normal<S> = {
  [Path in keyof S as Mounted<Path>]: { [Method in keyof S[Path]]: ByStatus<S[Path][Method]> };
};
type ByStatus<Route> = Route extends
  { input: infer Input; output: infer Output; outputFormat: infer Format; status: infer Status }
  ? Status extends number
    ? Merged<{ input: Omit<Input, "param">; output: Output; format: Format; status: Status }>
  : never
  : never;
/** The path that Hono mounts for one whose end its client would leave out. */
type Mounted<Path> = Path extends `${infer Start}/index/` ? `${Start}/index` : Path;
type Inferred<App> = Normal<ExtractSchema<App>>;

const serving: Equal<Inferred<ReturnType<typeof withRoutes>>, Normal<ServingRoutes>> = true;
const repository: Equal<Inferred<ReturnType<typeof repositoryRoutes>>, Normal<RepositoryRoutes>> =
  true;

/** Names of a path's parameters, and those that its routes take. */
type Names<Path> = Path extends `${infer First}/${infer Rest}` ? Names<First> | Names<Rest>
  : Path extends `:${infer Name}{${string}}` ? Name
  : Path extends `:${infer Name}` ? Name
  : never;
type Taken<Route> = Route extends { input: { param: infer Param } } ? keyof Param : never;
type WrongNames<S> = {
  [Path in keyof S]: {
    [Method in keyof S[Path]]: Equal<Names<Path>, Taken<S[Path][Method]>> extends true ? never
      : [Path, Method];
  }[keyof S[Path]];
}[keyof S];
const names: Equal<WrongNames<AppSchema>, never> = true;

/** The comparison tells apart what differs by one answer, input or route. */
type Written = Normal<ServingRoutes>;
type Post = ServingRoutes["/classify"]["$post"];
type Changed<Part> = Normal<Omit<ServingRoutes, "/classify"> & { "/classify": { $post: Part } }>;
const same: Equal<Merged<Changed<Post>>, Merged<Written>> = true;
const otherStatus: Equal<Merged<Changed<Omit<Post, "status"> & { status: 201 }>>, Merged<Written>> =
  false;
const otherInput: Equal<
  Merged<Changed<Omit<Post, "input"> & { input: { json: string } }>>,
  Merged<Written>
> = false;
const otherOutput: Equal<
  Merged<Changed<Omit<Post, "output"> & { output: string }>>,
  Merged<Written>
> = false;
const lessRoutes: Equal<Normal<Omit<ServingRoutes, "/classify">>, Written> = false;
const otherNames: Equal<
  WrongNames<{ "/models/:model": { $get: { input: { param: { version: string } } } } }>,
  never
> = false;

Deno.test("the written schema is the one that Hono infers of the routes", () => {
  assertEquals([serving, repository, names, same], [true, true, true, true]);
  const differ = [otherStatus, otherInput, otherOutput, lessRoutes, otherNames];
  assertEquals(differ, [false, false, false, false, false]);
});

Deno.test("the app has the routes of its schema", () => {
  const written: Record<keyof ServingRoutes, true> = {
    "/": true,
    "/classify": true,
    "/generate": true,
    "/model": true,
    "/health/live": true,
    "/health/ready": true,
    "/metrics": true,
  };
  const mounted = new Set(testApp().app.routes.map(({ path }) => path));
  const served = [...mounted].filter((path) => !path.includes("*") && !path.startsWith("/v2/"));
  assertEquals(served.sort(), Object.keys(written).sort());
});

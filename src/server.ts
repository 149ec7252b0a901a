/**
 * What a server of one's own is made of, besides `createApp`: the program of `deno task start`, and what it
 * serves pushed versions with.
 * @module
 */
export { command, main } from "./serve.ts";
export { openRepository, type RepositoryOptions } from "./repository/open.ts";
export { openServing, type Serving, type ServingOptions } from "./serving/open_serving.ts";
export { ModelPool, type PoolOptions } from "./serving/pool.ts";

/**
 * A service over a repository, in a process of its own that can be killed: its argument is the repository's
 * address, DBN_TOKENS has its tokens. Prints its URL.
 */
import { createApp } from "../../src/http/app.ts";
import { parseTokens } from "../../src/http/tokens.ts";
import { openRepository } from "../../src/repository/open.ts";
import { FakeModels } from "../http/repository/harness.ts";

const repository = await openRepository(Deno.args[0]);
const app = createApp({
  ...{ repository, models: new FakeModels(repository) },
  tokens: parseTokens(Deno.env.get("DBN_TOKENS")!, "DBN_TOKENS"),
});
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, app.fetch);

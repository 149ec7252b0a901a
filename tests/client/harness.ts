/** A service with a repository at a port, and model directories to push to it. */
import { saveModel } from "../../src/repository/model_directory.ts";
import { repositoryApp, tokens } from "../http/repository/harness.ts";
import { tinyModel } from "../model/tiny_model.ts";

/** A request that a service got. */
interface Seen {
  method: string;
  path: string;
}

/** A service that is stopped in the end. */
export function startService(options: Parameters<typeof repositoryApp>[0] = {}) {
  const test = repositoryApp(options), seen: Seen[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request, info) => {
      seen.push({ method: request.method, path: new URL(request.url).pathname });
      return test.app.fetch(request, info);
    },
  );
  const { port } = server.addr, to = `http://127.0.0.1:${port}`;
  return {
    ...{ ...test, port, to, seen },
    /** How to ask it, with a token that may do everything. */
    options: { to, token: tokens.all.token, firstWaitMs: 5 },
    /** Blobs that were sent to it since the last call, whole or in part. */
    takeUploads: () => {
      const uploads = seen.filter(({ method, path }) => method === "PUT" && /\/blobs\//.test(path));
      seen.length = 0;
      return uploads.length;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A model directory that is removed in the end. */
export async function makeModel(
  { name = "tiny", version = 1, seed = 1 }: { name?: string; version?: number; seed?: number } = {},
) {
  const path = await Deno.makeTempDir({ prefix: "a model " });
  const model = tinyModel({ seed });
  await saveModel(path, { ...model, config: { ...model.config, name, version } });
  await Deno.writeTextFile(`${path}/README.md`, `# ${name}\n`);
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

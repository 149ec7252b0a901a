/**
 * Servers that we did not write, which repositories are tested against: `deno task servers` installs them
 * beside the temporary files, and the tests start them on ports of this machine alone.
 * @module
 */
import { S3Client } from "../../../src/repository/objects/s3_client.ts";
import { type S3Bucket } from "../../../src/repository/objects/s3_client.ts";
import { readBucket } from "../../../src/repository/objects/open_s3.ts";
import { pause } from "../../../src/repository/poll.ts";

/** Where the servers are installed. */
export const home = `${Deno.env.get("TMPDIR") ?? "/tmp"}/dbn-edge-servers`;

export const programs = {
  moto: `${home}/moto/bin/moto_server`,
  seaweedfs: `${home}/bin/weed`,
  denokv: `${home}/bin/denokv`,
} as const;

/** Why a server is not tested against, undefined where it is. */
export async function missing(name: keyof typeof programs): Promise<string | undefined> {
  try {
    await Deno.stat(programs[name]);
    return undefined;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `deno task servers ${name} installs it`;
  }
}

/** A server that runs. */
export interface Server extends AsyncDisposable {
  port: number;
  /** Ends it at once, as a failing machine does, and starts it again on its data. */
  restart(): Promise<void>;
}

const START_MS = 60_000;

async function freePort(): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await pause(0);
  return port;
}

/** Starts a program and waits until its port answers. */
async function start(
  program: string,
  port: number,
  args: string[],
  env: Record<string, string> = {},
): Promise<Server> {
  const directory = await Deno.makeTempDir({ prefix: "server-" });
  const log = await Deno.open(`${directory}/log`, { write: true, create: true, append: true });
  const spawn = async () => {
    const child = new Deno.Command(program, {
      args: args.map((arg) => arg.replace("DIRECTORY", directory)),
      ...{ cwd: directory, env, stdin: "null", stdout: "piped", stderr: "piped" },
    }).spawn();
    const copies = [child.stdout, child.stderr].map(async (output) => {
      for await (const bytes of output) await log.write(bytes);
    });
    for (const end = performance.now() + START_MS;; await pause(50)) {
      if (await isOpen(port)) break;
      if (performance.now() > end) {
        throw new Error(`${program} did not start: see ${directory}/log`);
      }
    }
    return async () => {
      child.kill("SIGKILL");
      await child.status;
      await Promise.all(copies);
    };
  };
  let end = await spawn();
  return {
    port,
    async restart() {
      await end();
      end = await spawn();
    },
    async [Symbol.asyncDispose]() {
      await end();
      log.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function isOpen(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return false;
  }
}

/** PyPI's moto. */
export async function startMoto(): Promise<Server> {
  const port = await freePort();
  return await start(programs.moto, port, ["-H", "127.0.0.1", "-p", String(port)]);
}

/** SeaweedFS, which checks signatures by {@linkcode credentials}; it reports to nobody. */
export async function startSeaweed(): Promise<Server> {
  const identities = [{
    name: "test",
    credentials: [{ accessKey: credentials.AWS_ACCESS_KEY_ID, secretKey: secretKey }],
    actions: ["Admin", "Read", "Write", "List", "Tagging"],
  }];
  const config = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(config, JSON.stringify({ identities }));
  const names = ["master.port", "volume.port", "filer.port", "s3.port"];
  const ports = await Promise.all(names.map(freePort));
  const grpc = await Promise.all(names.map(freePort));
  return await start(programs.seaweedfs, ports[3], [
    ...["server", "-dir=DIRECTORY", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"],
    ...["-master.telemetry=false", "-volume.max=20", "-master.volumeSizeLimitMB=64"],
    ...["-volume.preStopSeconds=0", `-s3.config=${config}`, "-master.dir=DIRECTORY"],
    ...names.map((name, i) => `-${name}=${ports[i]}`),
    ...names.map((name, i) => `-${name}.grpc=${grpc[i]}`),
  ]);
}

/** The self-hosted server of Deno KV. */
export async function startDenokv(): Promise<Server> {
  const port = await freePort();
  return await start(programs.denokv, port, [
    ...["--sqlite-path", "DIRECTORY/kv.db", "serve", "--addr", `127.0.0.1:${port}`],
  ], { DENO_KV_ACCESS_TOKEN: kvToken });
}

/** Of the KV server. */
export const kvToken = "a-token-of-the-tests";
const secretKey = "a-secret-key-of-the-tests";

/** Of the S3 servers. */
export const credentials = {
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: secretKey,
  AWS_REGION: "us-east-1",
};

/** A bucket of a server and a prefix; it is made where it is not there. */
export async function makeBucket({ port }: Server): Promise<S3Bucket> {
  const env: Record<string, string> = {
    ...credentials,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  };
  const { bucket } = readBucket("s3://models", (name) => env[name]);
  const client = new S3Client(bucket);
  for (const end = performance.now() + START_MS;; await pause(200)) {
    const { status } = await client.send({ method: "PUT" });
    if (status === 200 || status === 409) return bucket;
    if (performance.now() > end) throw new Error(`no bucket: HTTP status ${status}`);
  }
}

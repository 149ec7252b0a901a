/**
 * Opens a model repository by its address.
 * @module
 */
import { isDeno, readVariable } from "../outside/platform.ts";
import { cut } from "../outside/shown.ts";
import type { ModelRepository } from "./repository.ts";

/** How a repository is used. */
export interface RepositoryOptions {
  /**
   * Mean time between two looks for changes where the store does not tell of them, in milliseconds.
   * @default 1000 for a directory and a KV in a file, 5000 for others
   */
  pollMs?: number;
  /**
   * How long a process that died while it made a version or collected garbage in a KV or S3 is waited for,
   * in milliseconds.
   * @default 60000
   */
  leaseMs?: number;
}

const FILE_POLL_MS = 1000;
const SUPPORTED = "a path, kv:, kv:PATH, s3://BUCKET/PREFIX or https://…";

/**
 * A repository: `models` or any other path, `kv:` (the platform's Deno KV), `kv:PATH` (Deno KV in a file),
 * `s3://BUCKET/PREFIX`, or `https://…` to read from.
 * @throws {RangeError} if nothing can be opened by such an address.
 */
export async function openRepository(
  address: string | URL,
  options: RepositoryOptions = {},
): Promise<ModelRepository> {
  const text = String(address), scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1].toLowerCase();
  switch (scheme) {
    case undefined:
    case "file":
      return await openDirectory(address, options);
    case "kv":
      return await openKv(text.slice("kv:".length), options);
    case "s3":
      return await openS3(text, options);
    case "http":
    case "https":
      return await openUrl(text, options);
    default:
      throw new RangeError(
        `Cannot open a repository of scheme ${cut(scheme)}: it must be ${SUPPORTED}`,
      );
  }
}

async function openDirectory(
  address: string | URL,
  options: RepositoryOptions,
): Promise<ModelRepository> {
  if (!isDeno()) {
    throw new RangeError(
      `Cannot open a repository in a directory: only Deno can; elsewhere it must be s3://BUCKET/PREFIX or https://…, got ${
        cut(String(address))
      }`,
    );
  }
  if (address === "") throw new RangeError(`Cannot open a repository: it must be ${SUPPORTED}`);
  const { directoryUrl } = await import("./model_directory.ts");
  const { DirectoryRepository } = await import("./directory/directory_repository.ts");
  const url = await directoryUrl(address);
  const name = address instanceof URL ? decodeURIComponent(url.pathname) : address;
  return new DirectoryRepository(url, name, options);
}

/** The platform's KV, or that of a path or of a URL of KV Connect. */
async function openKv(place: string, options: RepositoryOptions): Promise<ModelRepository> {
  const [{ ObjectRepository }, { KvStore }, { openDenoKv }] = await Promise.all([
    import("./objects/object_repository.ts"),
    import("./objects/kv_store.ts"),
    import("./objects/open_kv.ts"),
  ]);
  const { kv, address, isFile } = await openDenoKv(place);
  // SQLite tells this process alone of changes.
  const pollMs = options.pollMs ?? (isFile ? FILE_POLL_MS : undefined);
  return new ObjectRepository(new KvStore(kv, address, { pollMs }), options);
}

async function openS3(address: string, options: RepositoryOptions): Promise<ModelRepository> {
  const { readBucket } = await import("./objects/open_s3.ts");
  const { bucket, prefix } = readBucket(address, readVariable);
  const [{ ObjectRepository }, { S3Store }] = await Promise.all([
    import("./objects/object_repository.ts"),
    import("./objects/s3_store.ts"),
  ]);
  return new ObjectRepository(new S3Store(bucket, prefix, options), options);
}

/** Static files; without TLS only those of this machine. */
async function openUrl(address: string, options: RepositoryOptions): Promise<ModelRepository> {
  const { StaticRepository, readStaticUrl } = await import("./static_repository.ts");
  return new StaticRepository(readStaticUrl(address), options);
}

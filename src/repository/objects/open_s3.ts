/**
 * A bucket of an S3-compatible store by its address and the environment: credentials from AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, the place from AWS_REGION and AWS_ENDPOINT_URL.
 * @module
 */
import { cut } from "../../outside/shown.ts";
import type { S3Bucket } from "./s3_client.ts";

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[\w.-]+(?:\/[\w.-]+)*$/;
const DEFAULT_REGION = "us-east-1";

/**
 * The bucket and the prefix of its keys that an address names.
 * @param readEnv a variable's value, undefined or empty where it is not set
 * @throws {RangeError} naming what is wrong with the address, or the variable; no value of one.
 */
export function readBucket(
  address: string,
  readEnv: (name: string) => string | undefined,
): { bucket: S3Bucket; prefix: string } {
  const [name, ...folders] = address.slice("s3://".length).replace(/\/+$/, "").split("/");
  const isAddress = address.startsWith("s3://") && BUCKET.test(name);
  if (!isAddress || address.includes("@") || address.includes("?")) {
    throw new RangeError(
      "Cannot open a repository: its address must be s3://BUCKET/PREFIX, with keys and endpoint in the environment",
    );
  }
  const folder = folders.join("/");
  if (folder !== "" && (!PREFIX.test(folder) || folders.some((part) => /^\.+$/.test(part)))) {
    throw new RangeError(
      `Cannot open s3://${name}: its prefix must be of letters, digits, '_', '.' and '-' with '/' between, got ${
        cut(folder)
      }`,
    );
  }
  const shown = `s3://${name}${folder && `/${folder}`}`;
  const required = (variable: string) => {
    const value = readEnv(variable);
    if (value) return value;
    throw new RangeError(`Cannot open ${shown}: the environment must have ${variable}`);
  };
  const region = readEnv("AWS_REGION") || DEFAULT_REGION;
  const sessionToken = readEnv("AWS_SESSION_TOKEN") || undefined;
  const bucket: S3Bucket = {
    address: shown,
    url: bucketUrl(shown, { name, region, endpoint: readEnv("AWS_ENDPOINT_URL") }),
    region,
    credentials: {
      accessKeyId: required("AWS_ACCESS_KEY_ID"),
      secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
      ...sessionToken !== undefined && { sessionToken },
    },
  };
  return { bucket, prefix: folder && `${folder}/` };
}

/** The bucket's URL: below an endpoint, or its own at Amazon. */
function bucketUrl(
  shown: string,
  { name, region, endpoint }: { name: string; region: string; endpoint: string | undefined },
): URL {
  if (!endpoint) {
    if (!/^[a-z0-9-]+$/.test(region)) {
      throw new RangeError(`Cannot open ${shown}: AWS_REGION must be of letters, digits and '-'`);
    }
    // A certificate of Amazon's covers one name below the region's, so a bucket with dots is a path.
    const host = `s3.${region}.amazonaws.com`;
    return new URL(name.includes(".") ? `https://${host}/${name}/` : `https://${name}.${host}/`);
  }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === "" &&
    url.password === "" && url.search === "";
  if (!isPlain) {
    throw new RangeError(
      `Cannot open ${shown}: AWS_ENDPOINT_URL must be a URL of http or https without password and query`,
    );
  }
  return new URL(`${url.href.replace(/\/+$/, "")}/${name}/`);
}

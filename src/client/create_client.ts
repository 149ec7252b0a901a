/**
 * The typed client of a running service: classify, generate, watch chains. It needs `fetch` alone, and runs
 * wherever that is.
 * @module
 */
import type { ClassifyAnswer, GenerateAnswer, ModelAnswer, ReadyAnswer } from "../api/answers.ts";
import { authorization, readAddress } from "./address.ts";
import { type Exchange, type ExchangeRequest, send } from "./exchange.ts";
import { checkPng, type Frame, readFrames, type StreamEnd } from "./frames.ts";
import { type Image, imageBody, type Picture } from "./images.ts";
import {
  type CallOptions,
  type ClassifyOptions,
  type ClientOptions,
  type GenerateOptions,
  type GeneratePictureOptions,
  type Path,
  pathOf,
  type StreamOptions,
} from "./options.ts";

/** What {@linkcode Client.classify} found. */
export interface Classified extends ClassifyAnswer {
  /** The classifier's label of each image, (B). */
  labels: number[];
}

/** What {@linkcode Client.generate} made. */
export interface Generated extends Pick<GenerateAnswer, "model" | "engine" | "seed" | "labels"> {
  /** Each image, (N)(V), in [0, 1]: what `classify` takes. */
  images: Float32Array[];
  /** The same as bytes, (N)(V). */
  bytes: Uint8Array[];
}

/** What {@linkcode Client.generate} made, as one picture. */
export interface GeneratedPicture {
  /** A grid of all images. */
  png: Uint8Array;
  /** With it the picture is made again; undefined where a proxy hides the header `X-Seed`. */
  seed?: number;
  /** The version that answered; undefined where a proxy hides the header `Model-Version`. */
  version?: number;
}

/** Calls of a service. Each throws {@linkcode ServiceError} where it fails, and the signal's reason where it is aborted. */
export interface Client {
  /** Address of the service, with a closing slash. */
  readonly url: string;
  /**
   * Classifies a picture, an image or a batch of images.
   * @param input a PNG as a Blob or as bytes; or bytes, a Float32Array or numbers of one image, or a list of them
   * @throws {TypeError} if it is none of these
   */
  classify(
    input: Picture | Image | readonly Image[],
    options?: ClassifyOptions,
  ): Promise<Classified>;
  /** Generates images as one picture. */
  generate(options: GeneratePictureOptions): Promise<GeneratedPicture>;
  /** Generates images as pixels. */
  generate(options?: GenerateOptions): Promise<Generated>;
  /**
   * Samples chains and yields their frames as they come. Leaving the loop ends the service's work.
   * `timeoutMs` bounds the wait for each frame.
   */
  stream(options?: StreamOptions): AsyncGenerator<Frame, StreamEnd, void>;
  /** The model's configuration and card, and what computes. */
  model(options?: CallOptions): Promise<ModelAnswer>;
  /** Which version answers. Fails with status 503 where the service is stopping. */
  ready(options?: Omit<CallOptions, "version">): Promise<ReadyAnswer>;
}

/**
 * A client of a service.
 * @param url such as `https://digits.example`, or the path on a server that it is mounted at
 *
 * @example
 * ```ts
 * const client = createClient("https://digits.example");
 * const { images } = await client.generate({ label: 3, n: 16, seed: 1 });
 * const { labels } = await client.classify(images);
 * ```
 * @throws {TypeError} if the address or the token can be none
 */
export function createClient(url: string | URL, options: ClientOptions = {}): Client {
  const address = readAddress(url, cannot), headers = authorization(options.token, cannot);

  /** Opens an exchange, and ends it when `read` has what it needs. */
  async function call<T>(
    path: Path,
    own: CallOptions,
    read: (exchange: Exchange) => Promise<T>,
    more: Partial<ExchangeRequest> = {},
  ): Promise<T> {
    const exchange = await open(path, own, more);
    try {
      return await read(exchange);
    } finally {
      exchange.end();
    }
  }

  function open(path: Path, own: object, more: Partial<ExchangeRequest>): Promise<Exchange> {
    const given = Object.entries(own).filter(([, value]) => value !== undefined);
    const all = { ...options, ...Object.fromEntries(given) };
    return send({
      method: "GET",
      url: address + pathOf(path, all),
      ...more,
      headers: { ...headers, ...more.headers },
    }, all);
  }

  function generate(own: GeneratePictureOptions): Promise<GeneratedPicture>;
  function generate(own?: GenerateOptions): Promise<Generated>;
  function generate(
    own: GenerateOptions | GeneratePictureOptions = {},
  ): Promise<Generated | GeneratedPicture> {
    const { format = "json" } = own as Partial<GeneratePictureOptions>;
    const read = format === "png" ? readPicture : readGenerated;
    const all = { ...own, format };
    return call<Generated | GeneratedPicture>("generate", all, read);
  }

  return {
    url: address,
    async classify(input, { divisor, ...own } = {}) {
      const { type, body } = imageBody(input, divisor);
      const request = { method: "POST" as const, headers: { "content-type": type }, body };
      return await call("classify", own, readClassified, request);
    },
    generate,
    async *stream(own = {}) {
      const exchange = await open("generate", { ...own, format: "sse" }, {});
      try {
        return yield* readFrames(exchange);
      } finally {
        exchange.end();
      }
    },
    model: (own = {}) => call("model", own, readModel, { headers: { accept: "application/json" } }),
    ready: (own = {}) => call("health/ready", own, readReady),
  };
}

function cannot(message: string): never {
  throw new TypeError(`Cannot create a client: ${message}`);
}

async function readClassified(exchange: Exchange): Promise<Classified> {
  const answer: ClassifyAnswer = Object(await exchange.json()), { model, images } = answer;
  const isWhole = Array.isArray(images) && images.every((image) => Number.isInteger(image?.label));
  if (!model || !isWhole) {
    throw exchange.malformed("a classification must have a model and images with labels");
  }
  return { ...answer, labels: images.map(({ label }) => label) };
}

async function readGenerated(exchange: Exchange): Promise<Generated> {
  const { model, engine, seed, labels, pixels }: GenerateAnswer = Object(await exchange.json());
  const isWhole = Array.isArray(labels) && Array.isArray(pixels) && pixels.every(isImage);
  if (!model || !isWhole || labels.length !== pixels.length) {
    throw exchange.malformed("generated images must have a model, labels and pixels");
  }
  return {
    ...{ model, engine, seed, labels },
    images: pixels.map((image) => Float32Array.from(image, (byte) => byte / 255)),
    bytes: pixels.map((image) => Uint8Array.from(image)),
  };
}

function isImage(image: unknown): boolean {
  return Array.isArray(image) &&
    image.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
}

async function readPicture(exchange: Exchange): Promise<GeneratedPicture> {
  const [seed, version] = [exchange.numberOf("x-seed"), exchange.numberOf("model-version")];
  return { png: checkPng(exchange, await exchange.readBytes()), seed, version };
}

async function readModel(exchange: Exchange): Promise<ModelAnswer> {
  const answer: ModelAnswer = Object(await exchange.json());
  if (answer.config?.architecture) return answer;
  throw exchange.malformed("a model must have a config");
}

async function readReady(exchange: Exchange): Promise<ReadyAnswer> {
  const answer: ReadyAnswer = Object(await exchange.json());
  if (answer.status === "ready") return answer;
  throw exchange.malformed("readiness must have the status ready");
}

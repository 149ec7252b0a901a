/**
 * `POST /classify`: pixels, bytes or a PNG in, labels and probabilities out.
 * @module
 */
import { Hono } from "hono";
import type { RequestIdVariables } from "hono/request-id";
import type { ClassifyAnswer } from "../../api/answers.ts";
import type { ClassifyRequest, VersionedInput } from "../../api/requests.ts";
import { isObject } from "../../format/safetensors.ts";
import { FITTED_SIZE } from "../../image/fit.ts";
import { shown } from "../../outside/shown.ts";
import { readBody } from "../body.ts";
import { clientOf } from "../client_of.ts";
import { HttpProblem } from "../problem.ts";
import { readQuery } from "../query.ts";
import type { Service } from "../service.ts";
import { json, takes } from "../typed.ts";
import type { ServedVersion } from "../../serving/served.ts";
import { type VersionEnv, versionParameter, withVersion } from "../versions.ts";

const mediaTypes = ["application/json", "application/octet-stream", "image/png"];

/** The routes of this resource. */
export function classifyRoutes(service: Service) {
  const { bounds, gates } = service;
  return new Hono<VersionEnv & { Variables: RequestIdVariables }>().post(
    "/",
    withVersion(service, (c) => c.get("requestId")),
    takes<VersionedInput & { json: ClassifyRequest }>(),
    async (c) => {
      readQuery(c.req.queries(), versionParameter);
      const { served, shadow } = c.get("version");
      const type = mediaType(c.req.header("content-type"), c.req.header("content-encoding"));
      const place = await gates.images.enter({ client: clientOf(c), maxWaitMs: bounds.maxWaitMs });
      try {
        const bytes = await readBody(c.req.raw, bounds);
        if (bytes.length === 0) throw new HttpProblem(400, "The body is empty");
        const { compute, model: name, version } = served;
        const images = await readImages(service, served, { type, bytes });
        const results = await compute.classify(images);
        shadow?.compare(images, results);
        const { engineName: engine } = compute;
        return json<ClassifyAnswer>(c, { model: { name, version }, engine, images: results });
      } finally {
        place.release();
      }
    },
  );
}

/** The body's images, (B, V) in [0, 1]. */
async function readImages(
  { bounds }: Service,
  { compute, config }: ServedVersion,
  { type, bytes }: { type: string; bytes: Uint8Array },
): Promise<Float32Array> {
  const { divisor } = config.preprocessing, { imageSize } = compute;
  const { height, width } = config.architecture;
  switch (type) {
    case "application/json":
      return readJson(parseJson(bytes), imageSize, divisor, bounds.maxImages);
    case "application/octet-stream":
      checkCount(bytes.length, imageSize, bounds.maxImages);
      return scaled(bytes, imageSize, divisor);
    default: {
      if (height !== FITTED_SIZE || width !== FITTED_SIZE) {
        throw new HttpProblem(
          415,
          `A picture is fitted to ${FITTED_SIZE} × ${FITTED_SIZE}, this model takes ${height} × ${width}; send application/json or application/octet-stream`,
        );
      }
      try {
        const pixels = await compute.readPicture(bytes, { maxPixels: bounds.maxPngPixels });
        return Float32Array.from(pixels, (pixel) => pixel / 255);
      } catch (error) {
        if (error instanceof RangeError) throw new HttpProblem(422, error.message);
        throw error;
      }
    }
  }
}

/** @throws {HttpProblem} 400 if the bytes are not UTF-8 or not JSON. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new HttpProblem(400, "Malformed JSON in request body");
  }
}

/** Rows of intensities in [0, divisor] as (B, V) in [0, 1]. */
function scaled(pixels: ArrayLike<number>, imageSize: number, divisor: number): Float32Array {
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) {
    const pixel = pixels[i], image = Math.floor(i / imageSize), index = i % imageSize;
    if (!(pixel >= 0 && pixel <= divisor)) {
      throw new HttpProblem(
        422,
        `Pixels must be numbers in [0, ${divisor}], got ${pixel} at pixel ${index} of image ${image}`,
        { image, pixel: index, min: 0, max: divisor, value: pixel },
      );
    }
    out[i] = pixel / divisor;
  }
  for (let at = 0; at < out.length; at += imageSize) {
    const image = out.subarray(at, at + imageSize);
    if (image.some((pixel) => pixel !== image[0])) continue;
    throw new HttpProblem(
      422,
      `Image ${at / imageSize} is blank: all of its pixels are ${pixels[at]}`,
      { image: at / imageSize },
    );
  }
  return out;
}

/** @throws {HttpProblem} 415 unless the body is one of the three types, uncompressed. */
function mediaType(contentType: string | undefined, encoding: string | undefined): string {
  const type = (contentType ?? "").split(";")[0].trim().toLowerCase();
  const headers = { "accept-post": mediaTypes.join(", ") };
  if (!mediaTypes.includes(type)) {
    const got = contentType === undefined ? "none" : shown(contentType);
    throw new HttpProblem(
      415,
      `Content-Type must be one of ${mediaTypes.join(", ")}, got ${got}`,
      { supported: mediaTypes },
      headers,
    );
  }
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new HttpProblem(
      415,
      `Content-Encoding must be identity, got ${shown(encoding)}`,
      {},
      { ...headers, "accept-encoding": "identity" },
    );
  }
  return type;
}

function checkCount(length: number, imageSize: number, maxImages: number): void {
  if (length % imageSize !== 0) {
    throw new HttpProblem(
      422,
      `The body must hold ${imageSize} bytes an image, got ${length} bytes`,
      { bytesPerImage: imageSize, bytes: length },
    );
  }
  checkImages(length / imageSize, maxImages);
}

function checkImages(images: number, maxImages: number): void {
  if (images <= maxImages) return;
  throw new HttpProblem(
    413,
    `One request may hold at most ${maxImages} images, got ${images}`,
    { maxImages, images },
  );
}

function readJson(
  json: unknown,
  imageSize: number,
  ownDivisor: number,
  maxImages: number,
): Float32Array {
  if (!isObject(json)) {
    throw new HttpProblem(422, `The body must be a JSON object, got ${kind(json)}`);
  }
  const unknown = Object.keys(json).filter((key) => key !== "pixels" && key !== "divisor");
  if (unknown.length > 0) {
    const more = unknown.length > 1 ? ` and ${unknown.length - 1} more` : "";
    throw new HttpProblem(
      422,
      `The body's members are pixels and divisor, got ${shown(unknown[0])}${more}`,
    );
  }
  const { pixels, divisor = ownDivisor } = json;
  if (typeof divisor !== "number" || !(divisor > 0 && divisor < Infinity)) {
    throw new HttpProblem(422, `divisor must be a number > 0, got ${shown(divisor)}`);
  }
  const rows = readRows(pixels, imageSize, maxImages);
  checkPixels(rows, divisor);
  return scaled(rows.flat() as number[], imageSize, divisor);
}

function readRows(pixels: unknown, imageSize: number, maxImages: number): number[][] {
  if (!Array.isArray(pixels)) {
    throw new HttpProblem(
      422,
      `pixels must be an array of ${imageSize} numbers, or of such arrays, got ${kind(pixels)}`,
    );
  }
  const rows = Array.isArray(pixels[0]) ? pixels : [pixels];
  checkImages(rows.length, maxImages);
  rows.forEach((row, image) => {
    if (!Array.isArray(row) || row.length !== imageSize) {
      const got = Array.isArray(row) ? `${row.length}` : kind(row);
      throw new HttpProblem(422, `Image ${image} must have ${imageSize} pixels, got ${got}`, {
        image,
        pixelsPerImage: imageSize,
      });
    }
  });
  return rows;
}

/** Each pixel a number; and not all in [0, 1] where the divisor is that of bytes, a likely mistake. */
function checkPixels(rows: unknown[][], divisor: number): void {
  let largest = 0;
  rows.forEach((row, image) =>
    row.forEach((pixel, index) => {
      if (typeof pixel !== "number" || !(pixel >= 0 && pixel <= divisor)) {
        throw new HttpProblem(
          422,
          `Pixels must be numbers in [0, ${divisor}], got ${
            shown(pixel)
          } at pixel ${index} of image ${image}`,
          { image, pixel: index, min: 0, max: divisor, value: valueOf(pixel) },
        );
      }
      largest = Math.max(largest, pixel);
    })
  );
  if (divisor === 255 && largest > 0 && largest <= 1) {
    throw new HttpProblem(
      422,
      `The largest pixel is ${largest} of ${divisor}: if pixels are already scaled to [0, 1], ` +
        'send "divisor": 1',
      { largest, divisor },
    );
  }
}

/** A value that is wrong, as a problem tells it. */
function valueOf(pixel: unknown): number | string {
  return Number.isFinite(pixel) ? pixel as number : shown(pixel);
}

function kind(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

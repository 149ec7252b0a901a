/**
 * `POST /classify`: pixels, bytes or a PNG in, labels and probabilities out.
 * @module
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { validator } from "hono/validator";
import { classify } from "../../engine/classify.ts";
import { fitDigit } from "../../image/fit.ts";
import { decodePng } from "../../image/png.ts";
import { isObject } from "../../format/safetensors.ts";
import type { Service } from "../service.ts";
import { HttpProblem } from "../problem.ts";

/** A JSON body: one image or many, each of H·W intensities in [0, divisor]. */
export interface ClassifyRequest {
  pixels: number[] | number[][];
  /** The intensity of full ink. @default the model's own divisor, 255 */
  divisor?: number;
}

const mediaTypes = ["application/json", "application/octet-stream", "image/png"];

/** The routes of this resource. */
export function classifyRoutes(service: Service) {
  const { engine, model, bounds } = service;
  const limit = bodyLimit({
    maxSize: bounds.maxBodyBytes,
    onError: () => {
      const maxBodyBytes = bounds.maxBodyBytes;
      throw new HttpProblem(413, `The body may have at most ${maxBodyBytes} bytes`, {
        maxBodyBytes,
      });
    },
  });
  return new Hono().post(
    "/",
    limit,
    validator("json", (value) => value as unknown as ClassifyRequest),
    async (c) => {
      const type = mediaType(c.req.header("content-type"), c.req.header("content-encoding"));
      const bytes = new Uint8Array(await c.req.arrayBuffer());
      if (bytes.length === 0) throw new HttpProblem(400, "The body is empty");
      const { images, divisor } = await readImages(service, type, bytes, c.req.valid("json"));
      const results = await classify(engine, images, { divisor });
      const { name, version } = model.config;
      return c.json({ model: { name, version }, engine: engine.name, images: results });
    },
  );
}

interface Images {
  images: ArrayLike<number>;
  divisor: number;
}

async function readImages(
  { engine, model, bounds }: Service,
  type: string,
  bytes: Uint8Array,
  json: unknown,
): Promise<Images> {
  const { divisor } = model.config.preprocessing;
  switch (type) {
    case "application/json":
      return readJson(json, engine.imageSize, divisor, bounds.maxImages);
    case "application/octet-stream":
      checkCount(bytes.length, engine.imageSize, bounds.maxImages);
      return { images: bytes, divisor: 255 };
    default: {
      const picture = await decodePng(bytes, { maxPixels: bounds.maxPngPixels });
      try {
        return { images: fitDigit(picture), divisor: 255 };
      } catch (error) {
        if (error instanceof RangeError) throw new HttpProblem(422, error.message);
        throw error;
      }
    }
  }
}

/** @throws {HttpProblem} 415 unless the body is one of the three types, uncompressed. */
function mediaType(contentType: string | undefined, encoding: string | undefined): string {
  const type = (contentType ?? "").split(";")[0].trim().toLowerCase();
  const headers = { "accept-post": mediaTypes.join(", ") };
  if (!mediaTypes.includes(type)) {
    const got = contentType === undefined ? "none" : JSON.stringify(contentType);
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
      `Content-Encoding must be identity, got ${JSON.stringify(encoding)}`,
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

function readJson(json: unknown, imageSize: number, ownDivisor: number, maxImages: number): Images {
  if (!isObject(json)) {
    throw new HttpProblem(422, `The body must be a JSON object, got ${kind(json)}`);
  }
  const unknown = Object.keys(json).filter((key) => key !== "pixels" && key !== "divisor");
  if (unknown.length > 0) {
    throw new HttpProblem(
      422,
      `The body's members are pixels and divisor, got ${
        unknown.map((key) => JSON.stringify(key)).join(", ")
      }`,
    );
  }
  const { pixels, divisor = ownDivisor } = json;
  if (typeof divisor !== "number" || !(divisor > 0)) {
    throw new HttpProblem(422, `divisor must be a number > 0, got ${JSON.stringify(divisor)}`);
  }
  const rows = readRows(pixels, imageSize, maxImages);
  checkPixels(rows, divisor);
  return { images: rows.flat(), divisor };
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

/** Each pixel in [0, divisor]; and not all in [0, 1] where the divisor is 255, a likely mistake. */
function checkPixels(rows: unknown[][], divisor: number): void {
  let largest = 0;
  rows.forEach((row, image) =>
    row.forEach((pixel, index) => {
      if (typeof pixel !== "number" || !(pixel >= 0 && pixel <= divisor)) {
        throw new HttpProblem(
          422,
          `Pixels must be numbers in [0, ${divisor}], got ${
            JSON.stringify(pixel)
          } at pixel ${index} of image ${image}`,
          { image, pixel: index, min: 0, max: divisor },
        );
      }
      largest = Math.max(largest, pixel);
    })
  );
  if (divisor > 1 && largest > 0 && largest <= 1) {
    throw new HttpProblem(
      422,
      `The largest pixel is ${largest} of ${divisor}: if pixels are already scaled to [0, 1], ` +
        'send "divisor": 1',
      { largest, divisor },
    );
  }
}

function kind(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

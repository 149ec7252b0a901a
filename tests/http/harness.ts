/** An app over a small model and the reference engine, and ways to call it. */
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { createApp } from "../../src/http/app.ts";
import type { AppOptions, LogRecord } from "../../src/http/service.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { tinyModel } from "../model/tiny_model.ts";

export const tinyStored = await saveModel(await Deno.makeTempDir(), tinyModel());
export const tinyEngine = createReferenceEngine(tinyStored);

/** An app and the log it wrote. */
export function testApp(options: Partial<AppOptions> = {}) {
  const log: LogRecord[] = [];
  const app = createApp({
    model: tinyStored,
    engine: tinyEngine,
    log: (record) => log.push(record),
    ...options,
  });
  return { app, log };
}

/** A JSON body for `POST /classify`. */
export function jsonBody(body: unknown): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

/** A body of bytes with a media type. */
export function bytesBody(type: string, body: Uint8Array): RequestInit {
  return { method: "POST", headers: { "content-type": type }, body: body as BodyInit };
}

/** An image of some ink. */
export const digit: number[] = Array.from({ length: 784 }, (_, i) => (i * 37) % 256);

/**
 * Frames of a Gibbs chain as they are sampled: the server-sent events of `GET /generate`.
 * @module
 */
import { createParser, type EventSourceMessage } from "../packages/eventsource_parser.ts";
import type { DoneEvent, ErrorEventData, FrameEvent } from "../api/answers.ts";
import type { Exchange } from "./exchange.ts";
import { isEnded, isPng } from "./images.ts";

/** A step of all chains. */
export interface Frame {
  /** Gibbs steps until now. */
  step: number;
  /** Gibbs steps in all. */
  steps: number;
  /** The most probable label of each chain, (N). */
  labels: number[];
  /** The images as a PNG grid. */
  png: Uint8Array;
  /** With it the stream is made again; undefined where a proxy hides the header `X-Seed`. */
  seed?: number;
  /** The version that answers; undefined where a proxy hides the header `Model-Version`. */
  version?: number;
}

/** The end of a whole stream: what the iterator returns. */
export type StreamEnd = DoneEvent;

/** Characters of an event: more than a picture of the largest grid has. */
const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

/**
 * Frames of an answer. Who leaves early ends the connection, and with it the service's work.
 * @throws {ServiceError} if it breaks off, or is no stream of frames
 */
export async function* readFrames(exchange: Exchange): AsyncGenerator<Frame, StreamEnd, void> {
  const type = exchange.header("content-type") ?? "none";
  if (!type.startsWith("text/event-stream")) {
    throw exchange.malformed(`the answer must be text/event-stream, got ${type}`);
  }
  let step = 0;
  for await (const { event, data } of readEvents(exchange)) {
    switch (event) {
      case "frame": {
        const frame = readFrame(exchange, data);
        step = frame.step;
        yield frame;
        exchange.progressed(); // what a loop takes for a frame does not count
        break;
      }
      case "done": {
        const { steps, seed } = parse(exchange, data) as DoneEvent;
        return { steps, seed };
      }
      case "error": {
        const { detail, reason } = parse(exchange, data) as ErrorEventData;
        throw exchange.failure("ended", { detail, reason });
      }
    }
  }
  throw exchange.failure("connection", { detail: `the stream broke off after step ${step}` });
}

/** Server-sent events as they come. */
async function* readEvents(exchange: Exchange): AsyncGenerator<EventSourceMessage, void, void> {
  const decoder = new TextDecoder();
  let events: EventSourceMessage[] = [], isTooLong = false;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent: (event) => events.push(event),
    onError: ({ type }) => isTooLong ||= type === "max-buffer-size-exceeded",
  });
  for await (const part of exchange.parts()) {
    parser.feed(decoder.decode(part, { stream: true }));
    if (isTooLong) {
      throw exchange.malformed(`an event must have at most ${MAX_EVENT_CHARACTERS} characters`);
    }
    const ready = events;
    events = [];
    yield* ready;
  }
}

/** @throws {ServiceError} if it is no frame */
function readFrame(exchange: Exchange, data: string): Frame {
  const { step, steps, labels, png } = parse(exchange, data) as FrameEvent;
  if (!Number.isInteger(step) || !Array.isArray(labels) || typeof png !== "string") {
    throw exchange.malformed("a frame must have a step, labels and a png");
  }
  const [seed, version] = [exchange.numberOf("x-seed"), exchange.numberOf("model-version")];
  return { step, steps, labels, png: checkPng(exchange, fromBase64(exchange, png)), seed, version };
}

/** @throws {ServiceError} unless it begins and ends as every PNG does */
export function checkPng(exchange: Exchange, bytes: Uint8Array): Uint8Array {
  if (isPng(bytes) && isEnded(bytes)) return bytes;
  throw exchange.malformed("a picture must be a whole PNG");
}

/** @throws {ServiceError} if it is no JSON object */
function parse(exchange: Exchange, data: string): unknown {
  try {
    return Object(JSON.parse(data));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw exchange.malformed("an event must be JSON", error);
  }
}

/** @throws {ServiceError} if it is no base64 */
function fromBase64(exchange: Exchange, text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw exchange.malformed("a frame's png must be base64", error);
  }
}

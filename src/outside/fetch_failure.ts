/** Why fetch had no answer. @module */
import { cut } from "./shown.ts";

/**
 * Why a connection could not be made or broke: Deno says it in the cause of its `fetch failed`, after the URL
 * that the message of ours names already.
 */
export function fetchFailure(error: Error): string {
  const { message } = error.cause instanceof Error ? error.cause : error;
  return cut(message.replace(/^error sending request for url \(.*?\): /, ""));
}

/**
 * The parser of server-sent events, which the typed client reads streams by.
 * @module
 */
export { createParser, type EventSourceMessage } from "npm:eventsource-parser@3.1.1";

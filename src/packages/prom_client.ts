/**
 * The metrics client. Its name is a literal here, and this file is loaded later: the published package holds
 * names alone that an import spells out.
 * @module
 */
export { Counter, Gauge, Registry } from "prom-client";

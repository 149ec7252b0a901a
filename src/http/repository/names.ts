/**
 * Models, versions, aliases and digests as paths and bodies name them.
 * @module
 */
import type { Context } from "hono";
import { isModelName, isSha256, manifestBounds } from "../../format/manifest.ts";
import { shown } from "../../outside/shown.ts";
import type { VersionRef } from "../../repository/repository.ts";
import { HttpProblem } from "../problem.ts";

const ALIAS = /^[A-Za-z][\w.-]{0,63}$/;

/** The path's model. @throws {HttpProblem} 400 */
export function modelOf(c: Context): string {
  const model = c.req.param("model");
  if (isModelName(model)) return model;
  return refuse("model", "1 to 64 letters, digits, '_', '.' or '-', not '.' first", model);
}

/** The path's model and version. @throws {HttpProblem} 400 */
export function refOf(c: Context): VersionRef {
  const model = modelOf(c), text = c.req.param("version") ?? "";
  return { model, version: versionOf(/^[1-9]\d{0,9}$/.test(text) ? Number(text) : text) };
}

/** A version's number. @throws {HttpProblem} 400 */
export function versionOf(value: unknown): number {
  const { maxVersion } = manifestBounds;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= maxVersion) {
    return value as number;
  }
  return refuse("version", `an integer in [1, ${maxVersion}]`, value);
}

/** The path's alias. @throws {HttpProblem} 400 */
export function aliasOf(c: Context): string {
  const alias = c.req.param("alias");
  if (alias !== undefined && ALIAS.test(alias)) return alias;
  return refuse("alias", "a letter and at most 63 letters, digits, '_', '.' or '-'", alias);
}

/** The path's digest of a blob. @throws {HttpProblem} 400 */
export function digestOf(c: Context): string {
  const digest = c.req.param("sha256");
  if (isSha256(digest)) return digest;
  return refuse("sha256", "64 hexadecimal digits in lower case", digest);
}

/** @throws {HttpProblem} 400 naming the field, its bound and its value */
export function refuse(field: string, bound: string, value: unknown): never {
  throw new HttpProblem(400, `${field} must be ${bound}, got ${shown(value)}`, { field });
}

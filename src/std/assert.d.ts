/** Types of what we use of `@std/assert`, whose republication on npm has none. @module */

/** An error thrown by an assertion. */
export class AssertionError extends Error {}
/** @throws {AssertionError} if `expr` is not truthy */
export function assert(expr: unknown, msg?: string): asserts expr;
/** @throws {AssertionError} if the values are not deeply equal */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
/** @throws {AssertionError} if the values are deeply equal */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
/** @throws {AssertionError} if the numbers are further apart than `tolerance`, 1e-7 relative by default */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void;
/** @throws {AssertionError} if the text does not match */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
/** A class of errors. */
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = new (...args: any[]) => E;
/** @throws {AssertionError} unless `fn` throws such an error. @returns the error */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** @throws {AssertionError} unless `fn`'s promise rejects with such an error. @returns the error */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;

/**
 * The address of a service, and who asks it.
 * @module
 */
import { shown } from "../outside/shown.ts";

/**
 * A service's address with a closing slash.
 * @param fail throws, with what is wrong: the address must be an http or https URL without a password or a query
 */
export function readAddress(to: string | URL, fail: (message: string) => never): string {
  const url = URL.canParse(to) ? new URL(to) : undefined;
  const isAddress = url && /^https?:$/.test(url.protocol) && !url.username && !url.password &&
    !url.search && !url.hash;
  if (!isAddress) {
    const isOpen = !/[@?#]/.test(String(to)); // or a part of it may be secret
    return fail(
      "A service's address must be an http or https URL without a password or a query, such as " +
        `https://digits.example${isOpen ? `, got ${shown(String(to))}` : ""}`,
    );
  }
  return url.pathname.endsWith("/") ? url.href : `${url.href}/`;
}

/**
 * The header that carries a token, where there is one.
 * @param fail throws, with what is wrong; without the token
 */
export function authorization(
  token: string | undefined,
  fail: (message: string) => never,
): Record<string, string> {
  if (token === undefined) return {};
  if (/^[\w.~+/=-]{1,256}$/.test(token)) return { authorization: `Bearer ${token}` };
  return fail("A token must be 1 to 256 letters, digits and signs, as dbn token prints it");
}

/** An answer's text without the token that the request carried: what stands before a service may repeat it. */
export function withoutToken(text: string, headers: Record<string, string>): string {
  const token = headers.authorization?.replace("Bearer ", "");
  return token === undefined ? text : text.replaceAll(token, "…");
}

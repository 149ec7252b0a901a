/**
 * Formats what a program has written, as `deno fmt` does.
 * @module
 */
import { fromFileUrl } from "@std/path";

/** @throws {Error} with the output of `deno fmt` where it fails. */
export async function formatFiles(path: URL): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", fromFileUrl(path)],
  }).output();
  if (!success) throw new Error(`Cannot format ${path}: ${new TextDecoder().decode(stderr)}`);
}

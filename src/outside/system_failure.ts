/** What the system, or Deno's permissions, said. @module */
import { visible } from "./shown.ts";

/**
 * An error's message. Where Deno was not given a permission to write it says where that is told: the flag that
 * Deno names is not one of `deno task start`.
 */
export function systemFailure({ message }: Error): string {
  return visible(message).replace(
    /, run again with the --allow-write flag$/,
    "; `deno task start` may write to models alone: see docs/repositories.md",
  );
}

/** Whether the system says that there is no such file or directory. */
export function isNotFound(error: unknown): error is Error {
  return error instanceof Error && (error as { code?: string }).code === "ENOENT";
}

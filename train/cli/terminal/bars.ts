/**
 * Progress bars on a terminal; the package that draws them is loaded when there is a terminal.
 * @module
 */
import process from "node:process";
import type cliProgress from "cli-progress";
import { PackageMissingError, withPackages } from "../../../src/outside/packages.ts";

/** Whether messages go to a terminal. */
export function isTerminal(): boolean {
  return process.stderr.isTTY === true;
}

/** What draws bars; undefined where there is no terminal, or the package is not installed. */
export async function loadBars(): Promise<typeof cliProgress | undefined> {
  if (!isTerminal()) return undefined;
  try {
    const load = () => import("cli-progress");
    return (await withPackages("show a progress bar", ["cli-progress"], load)).default;
  } catch (error) {
    if (!(error instanceof PackageMissingError)) throw error;
    console.error(error.message);
    return undefined;
  }
}

/** Resident memory of a process in MiB; NaN where the platform does not tell (it is not Linux). */
export function residentMib(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return NaN; // not Linux
  }
}
